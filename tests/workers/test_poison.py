import asyncio
from collections.abc import Callable
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from export.artifact import Artifact
from export.runtime import ModelRuntime, State
from models.errors import ArtifactError
from tests.click_records import make_click
from tests.workers.fakes import KeptOwnership, MemoryRows, RecordingWriter
from tests.workers.pipelines import DEAD_LETTERS, LISTS, dead_letters, lists_by_click, make_pipeline, run
from workers.events import ClickRecord
from workers.pipeline import Pipeline
from workers.poison import MOST_POISON, compute_without_poison


class PoisonedRuntime:
    """A model that fails on some items.

    Args:
        runtime: The model.
        fails_on: Their rows.
    """

    def __init__(self, runtime: ModelRuntime, fails_on: Callable[[int], bool]) -> None:
        self.manifest = runtime.manifest
        self.initial_state = runtime.initial_state
        self.rank = runtime.rank
        self._runtime = runtime
        self._fails_on = fails_on

    def step(self, item_index: NDArray[np.int64], features: NDArray[np.float32], state: State) -> State:
        """Step, or fail, the first rows of the round already changed for all anybody knows."""
        if any(self._fails_on(int(item)) for item in item_index):
            raise ArtifactError("step.onnx does not run.")
        return self._runtime.step(item_index, features, state)


def poisoned_pipeline(
    artifact: Artifact, runtime: ModelRuntime, fails_on: Callable[[int], bool]
) -> tuple[Pipeline, RecordingWriter, MemoryRows]:
    """A pipeline of such a model, and what it writes."""
    broker, store = RecordingWriter(), MemoryRows()
    poisoned = cast(ModelRuntime, PoisonedRuntime(runtime, fails_on))
    return make_pipeline(artifact, poisoned, store=store, writer=broker), broker, store


def clicks_on(*items: int, start: int = 0) -> list[ClickRecord]:
    """Three users clicking items in turn."""
    return [
        make_click("abc"[number % 3], f"item-{item:02}", number * 1_000, offset=start + number).record
        for number, item in enumerate(items)
    ]


def narrowed(pipeline: Pipeline, records: list[ClickRecord]) -> None:
    """Take a micro-batch through the pipeline as the recommender does after a failure."""

    async def write() -> None:
        computed = compute_without_poison(pipeline, records, ArtifactError("step.onnx does not run."))
        await (await pipeline.publish(computed, KeptOwnership()))
        saved = await (await pipeline.save(computed, KeptOwnership()))
        await pipeline.install(computed, saved, KeptOwnership())

    asyncio.run(write())


@pytest.mark.parametrize(
    "items",
    [(13,), (13, 1, 2, 3), (1, 2, 3, 13), (1, 13, 2, 13, 3, 4, 13, 5), (13, 13)],
    ids=["alone", "first", "last", "several", "nothing else"],
)
def test_the_rest_is_as_if_the_poison_had_never_been(
    featured_artifact: Artifact, featured_runtime: ModelRuntime, items: tuple[int, ...]
) -> None:
    """Lists and states of all other clicks are byte for byte those of a run without it; it is a dead letter."""
    before, records = clicks_on(4, 5, 6), clicks_on(*items, start=3)
    pipeline, broker, store = poisoned_pipeline(featured_artifact, featured_runtime, lambda item: item == 13)
    run(pipeline, before)
    with pytest.raises(ArtifactError):
        pipeline.compute(records)
    narrowed(pipeline, records)

    healthy, expected, expected_store = poisoned_pipeline(featured_artifact, featured_runtime, lambda _item: False)
    run(healthy, before)
    run(healthy, [record for record, item in zip(records, items, strict=True) if item != 13])
    assert lists_by_click(broker) == lists_by_click(expected)
    assert store.rows == expected_store.rows
    poison = {(0, 3 + number) for number, item in enumerate(items) if item == 13}
    assert set(dead_letters(broker)) == poison
    assert {reason for _, reason in dead_letters(broker).values()} == {b"model_failure"}
    details = {dict(record.headers)["nextclick.detail"] for record in broker.of_topic(DEAD_LETTERS)}
    assert details == {b"ArtifactError('step.onnx does not run.')"}
    assert len(broker.of_topic(LISTS)) == 3 + len(items) - len(poison)


def test_a_model_that_fails_on_everything_is_not_the_records_fault(
    tiny_artifact: Artifact, runtime: ModelRuntime
) -> None:
    """The topic must not become dead letters for want of a working model."""
    pipeline, broker, _ = poisoned_pipeline(tiny_artifact, runtime, lambda _item: True)
    with pytest.raises(ArtifactError):
        narrowed(pipeline, clicks_on(1, 2, 3))
    assert broker.written == []


def test_too_much_poison_is_not_the_records_fault(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """Nor where it fails on every item but the one it is tried on."""
    pipeline, broker, _ = poisoned_pipeline(tiny_artifact, runtime, lambda item: item > 0)
    with pytest.raises(ArtifactError):
        narrowed(pipeline, clicks_on(*range(1, MOST_POISON + 2)))
    assert broker.written == []
    narrowed(pipeline, clicks_on(*range(1, MOST_POISON + 1)))
    assert len(broker.of_topic(DEAD_LETTERS)) == MOST_POISON


def test_a_failure_that_does_not_come_again_costs_nothing(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """No memory for a moment, say: every click gets its list."""
    pipeline, broker, _ = poisoned_pipeline(tiny_artifact, runtime, lambda _item: False)
    narrowed(pipeline, clicks_on(1, 2, 3))
    assert len(broker.of_topic(LISTS)) == 3
    assert broker.of_topic(DEAD_LETTERS) == []
