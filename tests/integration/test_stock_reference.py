"""Ours beside stock Faust over the same topic: the same records in the same order, the same committed offsets.

Each test runs one app over either transport at the same time, in groups of their own. Where records flow while
something happens to them, stock Faust is no reference: `test_disturbed_flow.py` takes the topic itself.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.integration.reference_topic import ReferenceTopic, Seen, Written, by_partition, ends, numbered
from tests.integration.stock_reference import QUIET_S, READINGS, Reading, group_of

pytestmark = pytest.mark.broker

UniqueName: TypeAlias = Callable[[str], str]


def run_both(topic: ReferenceTopic, folder: Path, use: Callable[[Reading], Awaitable[None]]) -> list[Reading]:
    """Do the same with stock Faust and with ours, at the same time; return both, stopped."""

    async def run() -> list[Reading]:
        readings = [reading(topic, group_of(topic, reading), folder) for reading in READINGS]
        await asyncio.gather(*(_use(reading, use) for reading in readings))
        return readings

    return asyncio.run(run())


def read_by_both(
    topic: ReferenceTopic, folder: Path, use: Callable[[Reading], Awaitable[None]]
) -> tuple[list[Seen], list[Seen]]:
    """Do the same with stock Faust and with ours; return what each agent was given.

    Both must have committed the same offsets when they are stopped.
    """
    stock, ours = run_both(topic, folder, use)
    assert topic.committed(ours.group) == topic.committed(stock.group)
    return stock.seen, ours.seen


async def _use(reading: Reading, use: Callable[[Reading], Awaitable[None]]) -> None:
    async with reading:
        await use(reading)


def read(count: int) -> Callable[[Reading], Awaitable[None]]:
    """Wait for so many records, and for what comes behind them."""
    return lambda reading: reading.until_seen(count)


def assert_same(stock: Sequence[Seen], ours: Sequence[Seen], expected: Sequence[Seen]) -> None:
    """Both were given, partition by partition, what was to be expected."""
    assert by_partition(ours) == by_partition(expected)
    assert by_partition(stock) == by_partition(expected)


def test_a_plain_read(broker: str, unique_name: UniqueName, tmp_path: Path) -> None:
    """Records without keys, values or either, headers of the same name, every codec, and a partition without records.

    At a clean stop the offsets are committed up to the end of the log.
    """
    topic = ReferenceTopic.make(broker, unique_name("plain"), partitions=3)
    odd = [
        Written(1_700_000_000_000, b"user", b"click"),
        Written(1_700_000_000_001, None, b"no key"),
        Written(1_700_000_000_002, b"no value", None),
        Written(1_700_000_000_003, None, None),
        Written(
            1_600_000_000_000, b"", b"", (("empty", b""), ("twice", b"1"), ("twice", b"2"), ("bytes", b"\x00\xff"))
        ),
    ]
    topic.append(0, odd)
    for codec in ("gzip", "snappy", "lz4", "zstd"):
        topic.append(0, [*odd, *map(numbered, range(50))], compression=codec)
    topic.fill({2: 130})
    expected = topic.records()
    assert [record[2:] for record in expected[: len(odd)]] == odd
    assert len(expected) == 5 * len(odd) + 4 * 50 + 130

    stock, ours = read_by_both(topic, tmp_path, read(len(expected)))

    assert_same(stock, ours, expected)
    assert topic.committed(group_of(topic, READINGS[1])) == ends(expected) == {0: 225, 2: 130}


def test_a_start_at_committed_offsets(broker: str, unique_name: UniqueName, tmp_path: Path) -> None:
    """In the middle, at the beginning, at the end and where nothing was committed: not a record before, all behind."""
    topic = ReferenceTopic.make(broker, unique_name("middle"))
    topic.fill(dict.fromkeys(range(4), 120))
    for reading in READINGS:
        topic.commit(group_of(topic, reading), {0: 37, 1: 0, 2: 120})
    expected = [record for record in topic.records() if record.offset >= {0: 37, 2: 120}.get(record.partition, 0)]

    stock, ours = read_by_both(topic, tmp_path, read(len(expected)))

    assert_same(stock, ours, expected)
    assert topic.committed(group_of(topic, READINGS[1])) == dict.fromkeys(range(4), 120)


@pytest.mark.kafka
def test_a_log_that_begins_behind_the_committed_offset(kafka: str, unique_name: UniqueName, tmp_path: Path) -> None:
    """Retention was faster than the worker: it goes on with the oldest record that is left."""
    topic = ReferenceTopic.make(kafka, unique_name("truncated"), partitions=2)
    topic.fill({0: 200, 1: 200})
    for reading in READINGS:
        topic.commit(group_of(topic, reading), {0: 10, 1: 150})
    topic.delete_before({0: 100, 1: 100})
    expected = [record for record in topic.records() if record.offset >= {0: 100, 1: 150}[record.partition]]
    assert len(expected) == 150

    stock, ours = read_by_both(topic, tmp_path, read(len(expected)))

    assert_same(stock, ours, expected)
    assert topic.committed(group_of(topic, READINGS[1])) == {0: 200, 1: 200}


def test_seeks_and_pauses_at_a_quiet_moment(broker: str, unique_name: UniqueName, tmp_path: Path) -> None:
    """A paused partition is silent, also after a seek; a seek brings everything from its offset on once more.

    Nothing moves the committed offsets backwards.
    """
    topic = ReferenceTopic.make(broker, unique_name("quiet"), partitions=2)
    topic.fill({0: 90, 1: 90})
    expected = topic.records()
    first, second = by_partition(expected).values()

    async def use(reading: Reading) -> None:
        consumer = reading.app.consumer
        await reading.until_seen(180)
        consumer.pause_partitions({reading.tp(0)})
        # Stock Faust drops what a fetch brings of a partition that was paused meanwhile: its fetches wait for a second.
        await asyncio.sleep(1.1)
        await consumer.seek(reading.tp(0), 0)
        await consumer.seek(reading.tp(1), 60)
        await reading.until(lambda: len(reading.seen) >= 210)
        await asyncio.sleep(QUIET_S)
        assert by_partition(reading.seen) == {0: first, 1: second + second[60:]}
        # Forward as well: the records between are not asked for.
        await consumer.seek(reading.tp(0), 75)
        consumer.resume_partitions({reading.tp(0)})
        await reading.until(lambda: len(reading.seen) >= 225)
        await asyncio.sleep(QUIET_S)

    stock, ours = read_by_both(topic, tmp_path, use)

    assert_same(stock, ours, [*first, *first[75:], *second, *second[60:]])
    assert topic.committed(group_of(topic, READINGS[1])) == {0: 90, 1: 90}


def test_a_restart_in_the_middle(broker: str, unique_name: UniqueName, tmp_path: Path) -> None:
    """Stopped while records flow, started again: both go on exactly where they have committed, and miss nothing.

    Ours has finished what its agent was given. Stock Faust has committed the record whose work the stop cut off.
    """
    topic = ReferenceTopic.make(broker, unique_name("restart"), partitions=3)
    topic.fill({0: 300, 1: 300})
    expected = topic.records()

    async def use_half(reading: Reading) -> None:
        reading.work = lambda: asyncio.sleep(0.005)
        await reading.until(lambda: len(reading.seen) > 100)

    halves = run_both(topic, tmp_path, use_half)
    for half in halves:
        assert 100 < len(half.seen) < 600
        assert topic.committed(half.group) == ends(half.seen)

    async def use_rest(reading: Reading) -> None:
        (half,) = (half for half in halves if half.group == reading.group)
        await reading.until_seen(600 - len(half.seen))

    stock, ours = read_by_both(topic, tmp_path, use_rest)

    assert_same(halves[0].seen + stock, halves[1].seen + ours, expected)
