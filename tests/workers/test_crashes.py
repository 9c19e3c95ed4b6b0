"""Crash anywhere, start again, and nothing is lost, nothing differs: the pipeline's first two invariants."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from random import Random

import pytest

from export.artifact import Artifact
from export.runtime import ModelRuntime
from models.errors import BrokerError
from tests.workers.click_runs import seeded
from tests.workers.fakes import (
    MOMENTS,
    CrashingRows,
    FailingWriter,
    KeptOwnership,
    MemoryRows,
    RecordingWriter,
    RevokedOwnership,
)
from tests.workers.pipelines import (
    Topic,
    adds_up,
    clicks_with_everything,
    dead_letters,
    lists_by_click,
    make_pipeline,
    restored,
    run,
)
from workers.events import ClickRecord
from workers.ports import BatchAbandoned, Ownership
from workers.user_state import last_offset_of


@dataclass
class World:
    """What there is at a moment: the topic, the broker and a worker's store.

    Attributes:
        topic: Clicks and committed offsets.
        broker: Everything that was acknowledged.
        store: The states of the worker that is running.
    """

    topic: Topic
    broker: RecordingWriter
    store: MemoryRows


@dataclass(frozen=True)
class Crash:
    """One way to die in a micro-batch.

    Attributes:
        after: How many records still reach the broker; None: all.
        ownership: Whether the partitions are taken away, and when.
        installs: Whether the worker lives long enough to install the rows.
    """

    after: int | None = None
    ownership: Ownership = KeptOwnership()  # noqa: RUF009 - it has no state
    installs: bool = True


def every_crash(records_written: int) -> Iterator[Crash]:
    """Name every way to die in a micro-batch that writes so many records."""
    yield from (Crash(after=after) for after in range(records_written))
    yield from (Crash(ownership=RevokedOwnership(moment)) for moment in MOMENTS)
    yield Crash(installs=False)


def test_crash_anywhere_redeliver_and_nothing_differs(
    featured_artifact: Artifact, featured_runtime: ModelRuntime
) -> None:
    """Every crash of every micro-batch ends in the states and lists of the uninterrupted run, byte for byte.

    The next worker restores the states from the changelog and gets the records again from the last committed offset,
    or from an earlier one, in batches cut otherwise.
    """
    random = seeded(1)
    partitions = clicks_with_everything(random, 70)
    world = World(Topic(partitions), RecordingWriter(), MemoryRows())
    before: list[tuple[World, list[ClickRecord], int]] = []  # the world, its next micro-batch, and what that writes
    while batch := world.topic.fetch(random, most=7):
        snapshot = deepcopy(world)
        process(featured_artifact, featured_runtime, world, batch)
        before.append((snapshot, batch, len(world.broker.written) - len(snapshot.broker.written)))
    assert len(before) >= 5
    assert_complete(world)
    lists = lists_by_click(world.broker)
    expected = offsets_by_user(lists)

    crashes = 0
    for number, (snapshot, batch, records_written) in enumerate(before):
        for crash in every_crash(records_written):
            crashed = deepcopy(snapshot)
            die(featured_artifact, featured_runtime, crashed, batch, crash)
            assert_lists_come_before_states(crashed.broker, expected)
            crashed.topic.committed = list(before[random.randint(0, number)][0].topic.committed)
            crashed.store = restored(crashed.broker)
            finish(featured_artifact, featured_runtime, crashed, random)
            assert crashed.store.rows == restored(crashed.broker).rows == world.store.rows
            assert lists_by_click(crashed.broker) == lists
            assert dead_letters(crashed.broker) == dead_letters(world.broker)
            crashes += 1
    assert crashes > 100


def process(artifact: Artifact, runtime: ModelRuntime, world: World, batch: list[ClickRecord]) -> None:
    """Process and commit one micro-batch."""
    report = run(make_pipeline(artifact, runtime, store=world.store, writer=world.broker), batch)
    world.topic.commit(batch)
    assert adds_up(report)


def finish(artifact: Artifact, runtime: ModelRuntime, world: World, random: Random) -> None:
    """Read the topic to its end, in batches of another size each time."""
    most = random.choice([1, 3, 10, 40])
    while batch := world.topic.fetch(random, most=most):
        process(artifact, runtime, world, batch)


def die(artifact: Artifact, runtime: ModelRuntime, world: World, batch: list[ClickRecord], crash: Crash) -> None:
    """Die in a micro-batch: it raises, and the store is as it was."""
    store = world.store if crash.installs else CrashingRows(world.store.rows)
    writer = world.broker if crash.after is None else FailingWriter(world.broker, crash.after)
    before = dict(store.rows)
    with pytest.raises((BrokerError, BatchAbandoned, SystemError)):
        run(make_pipeline(artifact, runtime, store=store, writer=writer), batch, crash.ownership)
    assert store.rows == before


def assert_complete(world: World) -> None:
    """The uninterrupted run answered every record: a list or a dead letter."""
    answered = [*lists_by_click(world.broker), *dead_letters(world.broker)]
    records = [(record.partition, record.offset) for records in world.topic.partitions for record in records]
    assert sorted(answered) == sorted(records)
    assert restored(world.broker).rows == world.store.rows


def offsets_by_user(lists: Mapping[tuple[int, int], bytes]) -> dict[tuple[int, bytes], list[int]]:
    """Return the offsets of each user's lists."""
    offsets: dict[tuple[int, bytes], list[int]] = defaultdict(list)
    for (partition, offset), value in lists.items():
        offsets[partition, json.loads(value)["user_id"].encode()].append(offset)
    return offsets


def assert_lists_come_before_states(crashed: RecordingWriter, expected: Mapping[tuple[int, bytes], list[int]]) -> None:
    """A durable `last_offset` of n means that every list of the user up to n is acknowledged."""
    acknowledged = lists_by_click(crashed)
    for (partition, user_key), record in restored(crashed).rows.items():
        for offset in expected[partition, user_key]:
            assert offset > last_offset_of(record) or (partition, offset) in acknowledged
