"""How far each partition of the batch topics is: what is delivered, what is processed, what is to be committed."""

import asyncio
from collections.abc import Iterable, Mapping

from faust.types import TP

from workers.settings import Settings

# What may wait behind the micro-batches in flight, in full micro-batches: enough for the next one to be there.
BATCHES_AHEAD = 2


class PartitionProgress:
    """Offsets by partition; each names the record that comes next.

    Args:
        room: So many records in the worker's hands are enough: what bounds its memory while a broker is slow. Faust's
            own bound is of events, which say nothing of records, and its `App.topic` loses it.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._moved = asyncio.Event()
        # What has reached the streams since the committed offsets were sought: from where to where.
        self._delivered: dict[TP, tuple[int, int]] = {}
        # Newest that may be or was committed, of partitions that have had a batch in this generation.
        self._processed: dict[TP, int] = {}
        self._to_commit: dict[TP, int] = {}

    def deliver(self, tp: TP, first: int, following: int) -> None:
        """Note that a stream was handed the records from one offset to before another."""
        begun, _ = self._delivered.get(tp, (first, 0))
        self._delivered[tp] = begun, following

    def process(self, next_offsets: Mapping[TP, int]) -> None:
        """Note that everything below these offsets is done and may be committed; never backwards."""
        for tp, offset in next_offsets.items():
            # Redelivered records are processed again, below what is done already.
            self._processed[tp] = max(offset, self._processed.get(tp, 0))
            self._to_commit[tp] = self._processed[tp]
        self._moved.set()

    def take_to_commit(self) -> dict[TP, int]:
        """Return what may be committed and was not returned before."""
        offsets, self._to_commit = self._to_commit, {}
        return offsets

    def begin_again(self) -> None:
        """Note that the committed offsets were sought: what was delivered will be delivered again."""
        self._delivered.clear()
        self._moved.set()

    def forget(self, tps: Iterable[TP]) -> None:
        """Forget partitions that are gone: whoever has them next goes on from the committed offsets."""
        for tp in tps:
            self._delivered.pop(tp, None)
            self._processed.pop(tp, None)
            self._to_commit.pop(tp, None)
        self._moved.set()

    def processed(self, tp: TP) -> int | None:
        """Return how far a partition is processed, None where nothing was in this generation."""
        return self._processed.get(tp)

    def unprocessed(self, tp: TP) -> int:
        """Return how many offsets wait in the stream or are in flight."""
        first, following = self._delivered.get(tp, (0, 0))
        return max(0, following - max(first, self._processed.get(tp, 0)))

    @property
    def is_full(self) -> bool:
        """Whether so much is delivered and not processed that no more is to be fetched."""
        return sum(map(self.unprocessed, self._delivered)) >= self._room

    async def moves(self, timeout_s: float) -> bool:
        """Wait until there may be less in hand; tell whether it was in time."""
        self._moved.clear()
        try:
            await asyncio.wait_for(self._moved.wait(), timeout_s)
        except TimeoutError:
            return False
        return True


def room(settings: Settings) -> int:
    """Return how many records a worker has in its hands before it fetches no more, one fetch above at most."""
    return settings.max_batch_records * (settings.batches_in_flight + BATCHES_AHEAD)
