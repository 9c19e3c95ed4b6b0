"""An artifact whose items are called as the benchmark calls them, and the lists of a few clicks on it."""

import pytest

from benchmarks.click_sets import item_id
from benchmarks.reference import Reference, compute_reference
from export.artifact import Artifact

ITEMS = 30
CLICKS = 120


@pytest.fixture(scope="package")
def small_artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    from tests.factories import make_tiny_artifact  # noqa: PLC0415 - torch

    item_ids = [item_id(index) for index in range(ITEMS)]
    return make_tiny_artifact(tmp_path_factory.mktemp("artifact") / "small", item_ids=item_ids)


@pytest.fixture(scope="package")
def reference(small_artifact: Artifact) -> Reference:
    return compute_reference(small_artifact, CLICKS, lambda _: None)
