import asyncio
from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace
from typing import cast

import pytest
from aiokafka import ConsumerRecord
from faust.types import TP, StreamT

from workers.events import ClickRecord
from workers.fetched_records import Era, FetchedRecords
from workers.micro_batches import MicroBatch, micro_batches

PRESENT = Era(generation=1, seeks=0)


def make_fetch(*offsets: int, partition: int = 0, era: Era = PRESENT) -> FetchedRecords:
    """What one fetch brought of a partition of `clicks`."""
    records = [
        ConsumerRecord("clicks", partition, offset, 1_700_000_000_000 + offset, 0, b"u", b"v", None, 1, 1, ())
        for offset in offsets
    ]
    return FetchedRecords({TP("clicks", partition): records}, era)


class ArrivingStream:
    """A stream whose fetches arrive in groups: the next group only when the last one has been taken.

    Args:
        groups: What arrives together.
        era: The consumer's present one.
    """

    def __init__(self, groups: Sequence[Sequence[FetchedRecords]], era: Era) -> None:
        self.queue: asyncio.Queue[FetchedRecords] = asyncio.Queue()
        self.channel = SimpleNamespace(queue=self.queue)
        self.app = SimpleNamespace(consumer=SimpleNamespace(era=era))
        self._groups = groups

    async def __aiter__(self) -> AsyncIterator[FetchedRecords]:
        """Yield them one by one, as Faust does."""
        for group in self._groups:
            for fetch in group:
                self.queue.put_nowait(fetch)
            while not self.queue.empty():
                yield self.queue.get_nowait()


def batches(*groups: Sequence[FetchedRecords], max_records: int = 4, era: Era = PRESENT) -> list[MicroBatch]:
    """Collect the micro-batches of a stream that ends."""

    async def collect() -> list[MicroBatch]:
        stream = cast(StreamT[FetchedRecords], ArrivingStream(groups, era))
        return [batch async for batch in micro_batches(stream, max_records)]

    return asyncio.run(collect())


@pytest.mark.parametrize(
    ("arriving", "expected"),
    [
        ([[[0]]], [[0]]),
        ([[[0, 1, 2]]], [[0, 1, 2]]),
        ([[[0]], [[1, 2]], [[3]]], [[0], [1, 2], [3]]),
        ([[[0], [1], [2]]], [[0, 1, 2]]),
        ([[[0, 1], [2, 3], [4]]], [[0, 1, 2, 3], [4]]),
        ([[[0, 1, 2], [3, 4, 5], [6]]], [[0, 1, 2, 3, 4, 5], [6]]),
        ([], []),
    ],
)
def test_a_batch_is_what_has_arrived(arriving: list[list[list[int]]], expected: list[list[int]]) -> None:
    """Whole fetches, none added once there are four records here, in order, and never a wait for more."""
    found = batches(*([make_fetch(*offsets) for offsets in group] for group in arriving))
    assert [[record.offset for record in batch.records] for batch in found] == expected


def test_offsets_to_commit() -> None:
    """The one after the last record of each partition."""
    of_both = FetchedRecords({**make_fetch(3, partition=1).by_partition, **make_fetch(9).by_partition}, PRESENT)
    (batch,) = batches([make_fetch(7, 8), of_both])
    assert batch.next_offsets == {TP("clicks", 0): 10, TP("clicks", 1): 4}


def test_a_record_is_as_kafka_gave_it() -> None:
    """Nothing of it is looked into or lost."""
    (batch,) = batches([make_fetch(7)])
    assert batch.records == [ClickRecord("clicks", 0, 7, 1_700_000_000_007, b"u", b"v", ())]


@pytest.mark.parametrize("older", [Era(1, 1), Era(2, 0)])
def test_fetches_of_an_older_era_are_left_out(older: Era) -> None:
    """They are fetched again after the seek; a batch of nothing else is no batch."""
    stale = [make_fetch(0, era=older), make_fetch(1, era=older)]
    mixed = [make_fetch(2, era=older), make_fetch(3, era=Era(2, 1))]
    (batch,) = batches(stale, mixed, era=Era(2, 1))
    assert [record.offset for record in batch.records] == [3]
    assert batch.next_offsets == {TP("clicks", 0): 4}
