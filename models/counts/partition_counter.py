"""Counts the clicks of one source partition in the order of their offsets, and says what of it is to be written.

Clicks are counted in buckets of event time, a bucket in chunks (`models.counts.count_records`). Whoever takes the
partition over goes on with `resume`, in an epoch of his own: with the last durable chunk of each open bucket, which he
writes again as his, counting no click again that is in a durable one, and capping users by what they hold. So the same
clicks give the same sums, however often and wherever the counting was interrupted.

Legend: c clicks.
"""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import overload

import numpy as np
from numpy.typing import NDArray

from models.counts.count_records import Chunk, ChunkKey
from models.counts.counted_clicks import CountedClicks
from models.counts.open_bucket import OpenBucket, bucket_hash
from models.counts.recipe import CountsRecipe

# Most clicks of a chunk, some ten kilobytes.
CLICKS_PER_CHUNK = 256
# A chunk that was written with so many takes no more: each micro-batch that adds to a chunk writes all of it again.
REWRITTEN_CLICKS = 32
# The newest bucket of a partition and those before it take clicks.
OPEN_BUCKETS = 6
# Before every bucket.
_NONE_YET = -(1 << 62)


class CountOutcome(StrEnum):
    """What becomes of a click where clicks are counted."""

    COUNTED = "counted"
    LATE = "late"  # its bucket was closed
    EARLY = "early"  # see `is_early`
    CAPPED = "capped"  # its user has counted often enough in its bucket
    AGAIN = "again"  # it is in a durable chunk already


class PartitionCounter:
    """Counts one source partition.

    Args:
        partition: Which.
        recipe: The buckets' length, how often a user counts, how far pairs reach.
        epoch: Above those of all who counted this partition before.
        clicks_per_chunk: So many clicks are written together again and again; then a new chunk begins.
    """

    def __init__(
        self, partition: int, recipe: CountsRecipe, *, epoch: int, clicks_per_chunk: int = CLICKS_PER_CHUNK
    ) -> None:
        self._partition = partition
        self._recipe = recipe
        self._epoch = epoch
        self._clicks_per_chunk = clicks_per_chunk
        self._open: dict[int, OpenBucket] = {}
        self._newest = _NONE_YET

    def resume(self, chunks: Iterable[tuple[ChunkKey, Chunk]]) -> None:
        """Go on behind what is durable.

        Args:
            chunks: The partition's chunks of the newest `OPEN_BUCKETS` buckets that it has any of, at least; those of a
                bucket in their order.
        """
        for key, chunk in chunks:
            self._newest = max(self._newest, key.bucket)
            self._bucket(key.bucket).resume(key.chunk, chunk)
        self._close()
        for bucket in self._open.values():
            if bucket.chunk.counted < REWRITTEN_CLICKS:
                bucket.changed[bucket.chunk_number] = bucket.chunk
            else:
                bucket.begin_chunk()

    def count(self, clicks: CountedClicks) -> Counter[CountOutcome]:
        """Count clicks where they count, and return what became of how many.

        Args:
            clicks: In the order of their offsets; of what was clicked before each, as far as pairs reach.
        """
        bucket = clicks.timestamp_ms // self._recipe.bucket_ms
        early = is_early(clicks.timestamp_ms, clicks.recorded_ms, self._recipe)
        # As of each click; an early one moves nothing.
        newest = np.maximum.accumulate(np.maximum(np.where(early, _NONE_YET, bucket), self._newest))
        late = ~early & (bucket <= newest - OPEN_BUCKETS)
        self._newest = int(newest.max(initial=self._newest))
        outcomes = Counter(
            {CountOutcome.EARLY: int(np.count_nonzero(early)), CountOutcome.LATE: int(np.count_nonzero(late))}
        )
        in_time = ~(early | late)
        for number in np.unique(bucket[in_time]).tolist():
            outcomes += self._count_in(self._bucket(number), clicks.where(in_time & (bucket == number)))
        return +outcomes

    def _count_in(self, bucket: OpenBucket, clicks: CountedClicks) -> Counter[CountOutcome]:
        new = clicks.where(clicks.offset >= bucket.durable_offset)
        counted = bucket.count(
            new, clicks_per_user=self._recipe.clicks_per_user, clicks_per_chunk=self._clicks_per_chunk
        )
        return Counter(
            {
                CountOutcome.AGAIN: len(clicks.offset) - len(new.offset),
                CountOutcome.CAPPED: len(new.offset) - counted,
                CountOutcome.COUNTED: counted,
            }
        )

    def _bucket(self, number: int) -> OpenBucket:
        bucket = self._open.get(number)
        if bucket is None:
            bucket = self._open[number] = OpenBucket(bucket_hash(self._partition, number))
        return bucket

    def take_changed(self) -> list[tuple[ChunkKey, Chunk]]:
        """Return what has to be written since this was asked last, in order of time.

        The order matters: where only the first of them become durable, the clicks of the others are counted again, and
        none of the first ones is.
        """
        taken: list[tuple[ChunkKey, Chunk]] = []
        for number in sorted(self._open):
            bucket = self._open[number]
            for chunk_number, chunk in sorted(bucket.changed.items()):
                key = ChunkKey(self._recipe.bucket_ms, self._partition, number, chunk_number, self._epoch)
                taken.append((key, chunk.contents()))
            bucket.changed.clear()
            if bucket.chunk.counted >= REWRITTEN_CLICKS:
                bucket.begin_chunk()
        self._close()
        return taken

    def _close(self) -> None:
        for number in [one for one, bucket in self._open.items() if one <= self._newest - OPEN_BUCKETS]:
            if not self._open[number].changed:
                del self._open[number]


@overload
def is_early(timestamp_ms: int, recorded_ms: int, recipe: CountsRecipe) -> bool: ...
@overload
def is_early(
    timestamp_ms: NDArray[np.int64], recorded_ms: NDArray[np.int64], recipe: CountsRecipe
) -> NDArray[np.bool_]: ...
def is_early(
    timestamp_ms: int | NDArray[np.int64], recorded_ms: int | NDArray[np.int64], recipe: CountsRecipe
) -> bool | NDArray[np.bool_]:
    """Tell whether a click's time lies ahead of the time when Kafka had it by more than the open buckets.

    It would close the buckets of all others.

    Args:
        timestamp_ms: When the click was, or (c,).
        recorded_ms: When Kafka had it, or (c,); negative where it does not say.
        recipe: The buckets' length.
    """
    return (recorded_ms >= 0) & (recorded_ms < timestamp_ms - OPEN_BUCKETS * recipe.bucket_ms)
