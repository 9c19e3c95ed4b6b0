"""Models for the worker's tests, exported once, and opened once in onnxruntime."""

import os
from pathlib import Path

import pytest

from export.artifact import Artifact
from export.runtime import ModelRuntime
from models.sequences.features import EventType, TimeGap, Value
from models.session_rule import SessionRule
from tests.shared_artifacts import made_once
from workers.settings import ENVIRONMENT_PREFIX, TEST_PREFIX

FEATURES = (TimeGap(mean=3.0, std=2.0), EventType(("view", "cart")), Value(mean=3.0, std=1.5))
# Sessions end by their id and after half an hour.
HALF_AN_HOUR_MS = 1_800_000
BY_ID_AND_GAP = SessionRule(by_id=True, gap_ms=HALF_AN_HOUR_MS)


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of tests are their own, not those of whoever runs them."""
    for name in list(os.environ):
        if name.upper().startswith(ENVIRONMENT_PREFIX) and not name.startswith(TEST_PREFIX):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def runtime(tiny_artifact: Artifact) -> ModelRuntime:
    """The tiny LSTM, ready to run."""
    return ModelRuntime(tiny_artifact)


@pytest.fixture(scope="session")
def featured_artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """An LSTM with time gaps and event types whose state is kept in float16; sessions end by id and by gap."""

    def make(folder: Path) -> Artifact:
        from tests.factories import make_tiny_artifact  # noqa: PLC0415 - torch

        return make_tiny_artifact(folder, features=FEATURES, session_rule=BY_ID_AND_GAP, seed=1)

    return made_once(tmp_path_factory, "featured", make)


@pytest.fixture(scope="session")
def float32_artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """The same in float32 with lists of 25 of the 30 items: with the seen filter there are fewer."""

    def make(folder: Path) -> Artifact:
        from tests.factories import make_tiny_artifact  # noqa: PLC0415 - torch

        return make_tiny_artifact(
            folder,
            features=FEATURES,
            session_rule=BY_ID_AND_GAP,
            state_dtype="float32",
            list_length=25,
            ring_length=8,
            exclude_seen=True,
            seed=1,
        )

    return made_once(tmp_path_factory, "float32", make)


@pytest.fixture(scope="session")
def featured_runtime(featured_artifact: Artifact) -> ModelRuntime:
    """The model with features, ready to run."""
    return ModelRuntime(featured_artifact)
