"""Models for the worker's tests, exported once, and opened once in onnxruntime."""

import os

import pytest

from export.artifact import Artifact
from export.runtime import ModelRuntime
from models.features import EventType, TimeGap
from models.session_rule import SessionRule
from workers.settings import ENVIRONMENT_PREFIX, TEST_PREFIX

FEATURES = (TimeGap(mean=3.0, std=2.0), EventType(("view", "cart")))
# Sessions end by their id and after half an hour.
HALF_AN_HOUR_MS = 1_800_000


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
    from tests.factories import make_tiny_artifact  # noqa: PLC0415 - torch

    return make_tiny_artifact(
        tmp_path_factory.mktemp("artifact") / "featured",
        features=FEATURES,
        session_rule=SessionRule(by_id=True, gap_ms=HALF_AN_HOUR_MS),
        seed=1,
    )


@pytest.fixture(scope="session")
def float32_artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """The same in float32 with lists of 25 of the 30 items: with the seen filter there are fewer."""
    from tests.factories import make_tiny_artifact  # noqa: PLC0415 - torch

    return make_tiny_artifact(
        tmp_path_factory.mktemp("artifact") / "float32",
        features=FEATURES,
        session_rule=SessionRule(by_id=True, gap_ms=HALF_AN_HOUR_MS),
        state_dtype="float32",
        list_length=25,
        ring_length=8,
        exclude_seen=True,
        seed=1,
    )


@pytest.fixture(scope="session")
def featured_runtime(featured_artifact: Artifact) -> ModelRuntime:
    """The model with features, ready to run."""
    return ModelRuntime(featured_artifact)
