"""Crash anywhere with live counts on, also between lists, counts and states: the buckets are exact all the same."""

from collections.abc import Sequence
from copy import deepcopy
from random import Random

import pytest

from export.artifact import Artifact
from export.runtime import ModelRuntime
from models.errors import BrokerError
from tests.factories import make_tiny_artifact
from tests.workers.counting_worker import (
    COUNTS,
    RECIPE,
    CountingWorker,
    lists_by_click_and_snapshot,
    published_sums,
)
from tests.workers.fakes import FailingWriter, LateWriter, MemoryRows, OwnershipLostAt, RecordingWriter
from tests.workers.pipelines import CHANGELOG, LISTS, Topic, clicks_with_everything, restored, run
from workers.events import ClickRecord
from workers.ports import BatchAbandoned, Ownership, RecordWriter

# Before claims, lists and counts, states, and the install.
CONFIRMATIONS = 4


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> tuple[Artifact, ModelRuntime]:
    artifact = make_tiny_artifact(tmp_path_factory.mktemp("counted"), counts=RECIPE)
    return artifact, ModelRuntime(artifact)


class World:
    """What outlives a worker: the click topic, and what the broker has."""

    def __init__(self, model: tuple[Artifact, ModelRuntime]) -> None:
        self.topic = Topic(clicks_with_everything(Random(5), 50))
        self.broker = RecordingWriter()
        self._model = model

    def copied(self) -> "World":
        """Return another one that is the same now."""
        copy = World(self._model)
        copy.topic, copy.broker = deepcopy(self.topic), deepcopy(self.broker)
        return copy

    def process(
        self, batch: Sequence[ClickRecord], writer: RecordWriter | None = None, ownership: Ownership | None = None
    ) -> None:
        """Let a worker that has just started take a micro-batch."""
        worker = CountingWorker(*self._model, self.broker)
        worker.catch_up()
        pipeline = worker.pipeline(restored(self.broker), writer or self.broker)
        pipeline.forget()
        run(pipeline, batch, ownership)
        self.topic.commit(batch)

    def finish(self, random: Random) -> None:
        """Let one worker read the click topic to its end."""
        worker, store = CountingWorker(*self._model, self.broker), MemoryRows(restored(self.broker).rows)
        worker.catch_up()
        pipeline = worker.pipeline(store, self.broker)
        most = random.choice([3, 10, 40])
        while batch := self.topic.fetch(random, most=most):
            run(pipeline, batch)
            self.topic.commit(batch)

    def assert_same(self, other: "World") -> None:
        """Every bucket, every state, a list of every click; of the same click and snapshot one list."""
        assert published_sums(self.broker) == published_sums(other.broker)
        assert restored(self.broker).rows == restored(other.broker).rows
        assert lists_by_click_and_snapshot(self.broker).keys() == lists_by_click_and_snapshot(other.broker).keys()


@pytest.fixture(scope="module")
def run_of_worlds(model: tuple[Artifact, ModelRuntime]) -> list[tuple[World, list[ClickRecord]]]:
    """A run that nothing interrupts: the world before each micro-batch, and the micro-batch; at last none."""
    world, random = World(model), Random(1)
    before = []
    while batch := world.topic.fetch(random, most=9):
        before.append((world.copied(), batch))
        world.process(batch)
    assert published_sums(world.broker).clicks.total() > 20
    return [*before, (world, [])]


@pytest.mark.parametrize("number", range(4))
def test_crash_between_any_two_records_and_the_buckets_are_exact(
    run_of_worlds: list[tuple[World, list[ClickRecord]]], number: int
) -> None:
    """Claims, some lists, all lists, some counts, all counts, some states are durable when the worker dies."""
    random, finished = Random(number), run_of_worlds[-1][0]
    before, batch = run_of_worlds[number]
    after = run_of_worlds[number + 1][0]
    written = [one.topic for one in after.broker.written[len(before.broker.written) :]]
    assert {LISTS, COUNTS, CHANGELOG} <= set(written)
    for records in range(len(written)):
        crashed = before.copied()
        with pytest.raises(BrokerError):
            crashed.process(batch, FailingWriter(crashed.broker, records))
        crashed.topic.committed = list(run_of_worlds[random.randint(0, number)][0].topic.committed)
        crashed.finish(random)
        crashed.assert_same(finished)


@pytest.mark.parametrize("number", range(CONFIRMATIONS))
def test_abandoned_anywhere_and_the_buckets_are_exact(
    run_of_worlds: list[tuple[World, list[ClickRecord]]], number: int
) -> None:
    """A rebalance takes the partitions away before claims, lists and counts, states or the install."""
    for before, batch in run_of_worlds[:-1]:
        abandoned = before.copied()
        with pytest.raises(BatchAbandoned):
            abandoned.process(batch, ownership=OwnershipLostAt(number))
        abandoned.finish(Random(number))
        abandoned.assert_same(run_of_worlds[-1][0])


@pytest.mark.parametrize("batches", [0, 1, 2])
def test_counts_that_arrive_late_change_nothing(
    run_of_worlds: list[tuple[World, list[ClickRecord]]], batches: int
) -> None:
    """A worker was taken for dead with its counts, or its claim, on the way: they arrive while others count."""
    random, finished = Random(batches), run_of_worlds[-1][0]
    for before, batch in run_of_worlds[:3]:
        for through in range(3):
            world = before.copied()
            writer = LateWriter(world.broker, COUNTS, through)
            with pytest.raises(BrokerError):
                world.process(batch, writer)
            for _ in range(batches):
                world.process(world.topic.fetch(random, most=4))
            writer.deliver()
            world.finish(random)
            world.assert_same(finished)
