"""Seeks, pauses and rebalances while records flow: what comes out of ours is the topic, in order, nothing left out.

Stock Faust is no reference here. It goes on delivering what it had fetched before a seek and takes what the seek brings
for old; it never commits again behind a seek forward; it drops what it had fetched of a partition that is paused; and
it acknowledges what a rebalance made it skip.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.integration.reference_topic import ReferenceTopic, Seen, by_partition, ends
from tests.integration.stock_reference import BatchReading, group_of

pytestmark = pytest.mark.broker

UniqueName: TypeAlias = Callable[[str], str]


def jumps(records: Sequence[Seen]) -> list[int]:
    """The offsets of a partition that did not follow on the one before."""
    return [after.offset for before, after in pairwise(records) if after.offset != before.offset + 1]


def of_partition(reading: BatchReading, partition: int) -> list[Seen]:
    """What has come of a partition so far."""
    return [record for record in reading.seen if record.partition == partition]


def test_seeks_while_records_flow(broker: str, unique_name: UniqueName, tmp_path: Path) -> None:
    """Backwards and forwards: the partition goes on at exactly that offset, once for each seek, the other undisturbed.

    Committed is the end of the log, behind a seek backwards too.
    """
    topic = ReferenceTopic.make(broker, unique_name("sought"), partitions=2)
    topic.fill({0: 1000, 1: 1000})
    # Forwards to where no fetch ends, at a multiple of ten: a seek to where the partition is anyway would be no jump.
    sought = [50, 20, 705, 0, 505]

    async def run() -> BatchReading:
        async with BatchReading(topic, group_of(topic, BatchReading), tmp_path) as reading:
            reading.work = lambda: asyncio.sleep(0.003)
            for number, offset in enumerate(sought, start=1):
                so_far = len(of_partition(reading, 0))
                await reading.until(lambda so_far=so_far: len(of_partition(reading, 0)) >= so_far + 60)  # type: ignore[misc]
                await reading.app.consumer.seek(reading.tp(0), offset)
                await reading.until(lambda number=number: len(jumps(of_partition(reading, 0))) >= number)  # type: ignore[misc]
            await reading.until(lambda: of_partition(reading, 0)[-1].offset == 999)
            await reading.until_seen(2000)
            return reading

    reading = asyncio.run(run())
    first, second = by_partition(topic.records()).values()
    assert jumps(of_partition(reading, 0)) == sought
    assert set(of_partition(reading, 0)) == set(first)
    assert of_partition(reading, 1) == second
    assert topic.committed(reading.group) == {0: 1000, 1: 1000}


def test_a_seek_to_the_committed_offsets_while_records_flow(
    broker: str, unique_name: UniqueName, tmp_path: Path
) -> None:
    """As at the end of a rebalance: to what was committed, to the beginning where nothing or nought was.

    Stock Faust leaves a partition without a committed offset where it is: what it had fetched is never processed.
    """
    topic = ReferenceTopic.make(broker, unique_name("rewound"), partitions=3)
    topic.fill({0: 600, 1: 600, 2: 600})
    topic.commit(group_of(topic, BatchReading), {0: 100, 1: 0})

    async def run() -> BatchReading:
        async with BatchReading(topic, group_of(topic, BatchReading), tmp_path) as reading:
            reading.work = lambda: asyncio.sleep(0.003)
            await reading.until(lambda: all(len(of_partition(reading, partition)) > 20 for partition in range(3)))
            await reading.app.consumer.perform_seek()
            reading.app.consumer.resume_flow()
            await reading.until(lambda: all(jumps(of_partition(reading, partition)) for partition in range(3)))
            await reading.until(
                lambda: all(of_partition(reading, partition)[-1].offset == 599 for partition in range(3))
            )
            return reading

    reading = asyncio.run(run())
    for partition, committed in {0: 100, 1: 0, 2: 0}.items():
        came = of_partition(reading, partition)
        assert came[0].offset == committed
        assert jumps(came) == [committed]
    assert topic.committed(reading.group) == {0: 600, 1: 600, 2: 600}


def test_pauses_while_records_flow(broker: str, unique_name: UniqueName, tmp_path: Path) -> None:
    """Of either partition, short and long: each record comes once and in order."""
    topic = ReferenceTopic.make(broker, unique_name("paused"), partitions=2)
    topic.fill({0: 1000, 1: 1000})

    async def run() -> BatchReading:
        async with BatchReading(topic, group_of(topic, BatchReading), tmp_path) as reading:
            consumer, chance = reading.app.consumer, random.Random(0)
            reading.work = lambda: asyncio.sleep(0.015)
            for _ in range(25):
                await asyncio.sleep(chance.random() / 50)
                paused = {reading.tp(chance.randrange(2))}
                consumer.pause_partitions(paused)
                await asyncio.sleep(chance.random() / 25)
                consumer.resume_partitions(paused)
            assert len(reading.seen) < 2000, "nothing flowed any more"
            await reading.until_seen(2000)
            return reading

    reading = asyncio.run(run())
    assert by_partition(reading.seen) == by_partition(topic.records())
    assert topic.committed(reading.group) == {0: 1000, 1: 1000}


def test_a_member_that_joins_and_leaves_while_records_flow(
    broker: str, unique_name: UniqueName, tmp_path: Path
) -> None:
    """Each record is processed by one of the two, once, in order; at the end everything is committed.

    Offsets are committed when partitions move and at the end alone: each takes over exactly where the other one was.
    """
    topic = ReferenceTopic.make(broker, unique_name("shared"), partitions=4)
    topic.fill(dict.fromkeys(range(4), 1500))
    group = unique_name("shared-group")

    async def run() -> tuple[BatchReading, BatchReading]:
        first, second = (BatchReading(topic, group, tmp_path) for _ in range(2))
        first.work = second.work = lambda: asyncio.sleep(0.02)
        async with first:
            await first.until(lambda: len(first.seen) > 300)
            async with second:
                alone = len(first.seen)
                await second.until(lambda: len(second.seen) > 300 and len(first.seen) > alone)
            first.work = second.work = lambda: asyncio.sleep(0)
            await first.until(lambda: len(set(first.seen + second.seen)) >= 6000)
        return first, second

    first, second = asyncio.run(run())
    expected = topic.records()
    for reading in (first, second):
        for records in by_partition(reading.seen).values():
            assert [record.offset for record in records] == sorted(record.offset for record in records)
    assert len(second.seen) < 6000
    assert sorted(first.seen + second.seen, key=lambda record: record[:2]) == expected
    assert topic.committed(group) == ends(expected)
