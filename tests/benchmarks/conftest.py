"""An artifact whose items are called as the benchmark calls them, and the lists of a few clicks on it."""

from pathlib import Path

import pytest

from benchmarks.click_sets import item_id
from benchmarks.reference import Reference, compute_reference
from export.artifact import Artifact
from tests.shared_artifacts import made_once

ITEMS = 30
CLICKS = 120


@pytest.fixture(scope="package")
def small_artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    def make(folder: Path) -> Artifact:
        from tests.factories import make_tiny_artifact  # noqa: PLC0415 - torch

        return make_tiny_artifact(folder, item_ids=[item_id(index) for index in range(ITEMS)])

    return made_once(tmp_path_factory, "benchmarked", make)


@pytest.fixture(scope="package")
def reference(small_artifact: Artifact) -> Reference:
    return compute_reference(small_artifact, CLICKS, lambda _: None)
