import asyncio
from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace
from typing import cast
from unittest.mock import Mock

import pytest
from faust.types import EventT, StreamT

from workers.micro_batches import micro_batches


def make_event(number: int, *, generation: int = 1) -> EventT[bytes]:
    """An event that a consumer generation fetched."""
    return Mock(message=Mock(offset=number, generation_id=generation))


class ArrivingStream:
    """A stream whose events arrive in groups: the next group only when the last one has been taken.

    Args:
        groups: What arrives together.
        generation: The consumer's present one.
    """

    def __init__(self, groups: Sequence[Sequence[EventT[bytes]]], generation: int) -> None:
        self.queue: asyncio.Queue[EventT[bytes]] = asyncio.Queue()
        self.channel = SimpleNamespace(queue=self.queue)
        self.app = SimpleNamespace(consumer_generation_id=generation)
        self._groups = groups

    async def events(self) -> AsyncIterator[EventT[bytes]]:
        """Yield them one by one, as Faust does."""
        for group in self._groups:
            for event in group:
                self.queue.put_nowait(event)
            while not self.queue.empty():
                yield self.queue.get_nowait()


def batches(*groups: Sequence[EventT[bytes]], max_records: int = 4, generation: int = 1) -> list[list[int]]:
    """Offsets of each micro-batch."""

    async def collect() -> list[list[int]]:
        stream = cast(StreamT[bytes], ArrivingStream(groups, generation))
        return [[event.message.offset for event in batch] async for batch in micro_batches(stream, max_records)]

    return asyncio.run(collect())


@pytest.mark.parametrize(
    ("arriving", "expected"),
    [
        ([[0]], [[0]]),
        ([[0, 1, 2]], [[0, 1, 2]]),
        ([[0], [1, 2], [3]], [[0], [1, 2], [3]]),
        ([[0, 1, 2, 3, 4, 5]], [[0, 1, 2, 3], [4, 5]]),
        ([[0, 1, 2, 3], [4]], [[0, 1, 2, 3], [4]]),
        ([], []),
    ],
)
def test_a_batch_is_what_has_arrived(arriving: list[list[int]], expected: list[list[int]]) -> None:
    """At most four here, at least one, in order, and never a wait for more."""
    assert batches(*([make_event(number) for number in group] for group in arriving)) == expected


def test_events_of_an_older_generation_are_left_out() -> None:
    """They are fetched again after the rebalance; a batch of nothing else is no batch."""
    stale = [make_event(0, generation=1), make_event(1, generation=1)]
    mixed = [make_event(2, generation=1), make_event(3, generation=2)]
    assert batches(stale, mixed, generation=2) == [[3]]
