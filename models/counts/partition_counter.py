"""Counts the clicks of one source partition in the order of their offsets, and says what of it is to be written.

Clicks are counted in buckets of event time, a bucket in chunks (`models.counts.count_records`). Whoever takes the
partition over goes on with `resume`, in an epoch of his own: with the last durable chunk of each open bucket, which he
writes again as his, counting no click again that is in a durable one, and capping users by what they hold. So the same
clicks give the same sums, however often and wherever the counting was interrupted.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from typing import NamedTuple

from models.counts.count_records import Chunk, ChunkKey
from models.counts.open_chunk import OpenChunk
from models.counts.recipe import CountsRecipe

# Most clicks of a chunk, some ten kilobytes.
CLICKS_PER_CHUNK = 256
# A chunk that was written with so many takes no more: each micro-batch that adds to a chunk writes all of it again.
REWRITTEN_CLICKS = 32
# The newest bucket of a partition and those before it take clicks.
OPEN_BUCKETS = 6


class CountOutcome(StrEnum):
    """What becomes of a click where clicks are counted."""

    COUNTED = "counted"
    LATE = "late"  # its bucket was closed
    EARLY = "early"  # see `is_early`
    CAPPED = "capped"  # its user has counted often enough in its bucket
    AGAIN = "again"  # it is in a durable chunk already


class CountedClick(NamedTuple):
    """A click as counting sees it.

    Attributes:
        offset: In the source partition.
        user: Whose.
        item_hash: What.
        before: What he clicked earlier in the same session, the newest last.
        timestamp_ms: When.
        recorded_ms: When Kafka had it; negative where it does not say.
    """

    offset: int
    user: str
    item_hash: int
    before: Sequence[int]
    timestamp_ms: int
    recorded_ms: int


@dataclass(slots=True)
class _OpenBucket:
    hash: blake2b
    chunk_number: int = 0
    chunk: OpenChunk = field(default_factory=OpenChunk)
    durable_offset: int = 0  # clicks below it are in durable chunks
    marks: dict[tuple[int, int], int] = field(default_factory=dict)  # (user, item hash) -> count
    # Chunks that changed since they were taken last, by number.
    changed: dict[int, OpenChunk] = field(default_factory=dict)

    def pseudonym(self, user: str) -> int:
        """Return the 8-byte number by which the bucket knows a user."""
        digest = self.hash.copy()
        digest.update(user.encode())
        return int.from_bytes(digest.digest(), "little")

    def begin_chunk(self) -> None:
        self.chunk_number += 1
        self.chunk = OpenChunk()


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
        self._open: dict[int, _OpenBucket] = {}
        self._newest: int | None = None

    def resume(self, chunks: Iterable[tuple[ChunkKey, Chunk]]) -> None:
        """Go on behind what is durable.

        Args:
            chunks: The partition's chunks of the newest `OPEN_BUCKETS` buckets that it has any of, at least; those of a
                bucket in their order.
        """
        for key, chunk in chunks:
            self._newest = key.bucket if self._newest is None else max(self._newest, key.bucket)
            bucket = self._open.setdefault(key.bucket, _OpenBucket(bucket_hash(self._partition, key.bucket)))
            bucket.chunk_number = key.chunk
            bucket.chunk = OpenChunk.of(chunk)
            bucket.durable_offset = max(bucket.durable_offset, chunk.next_offset)
            hashes = chunk.items["item_hash"][chunk.marks["item"]].tolist()
            for user, item_hash, count in zip(
                chunk.marks["user"].tolist(), hashes, chunk.marks["count"].tolist(), strict=True
            ):
                bucket.marks[user, item_hash] = bucket.marks.get((user, item_hash), 0) + count
        self._close()
        for bucket in self._open.values():
            if bucket.chunk.counted < REWRITTEN_CLICKS:
                bucket.changed[bucket.chunk_number] = bucket.chunk
            else:
                bucket.begin_chunk()

    def count(self, click: CountedClick) -> CountOutcome:
        """Count a click where it counts, and return what became of it."""
        recipe = self._recipe
        if is_early(click.timestamp_ms, click.recorded_ms, recipe):
            return CountOutcome.EARLY
        number = click.timestamp_ms // recipe.bucket_ms
        if self._newest is None or number > self._newest:
            self._newest = number
        elif number <= self._newest - OPEN_BUCKETS:
            return CountOutcome.LATE
        bucket = self._open.get(number)
        if bucket is None:
            bucket = self._open[number] = _OpenBucket(bucket_hash(self._partition, number))
        if click.offset < bucket.durable_offset:
            return CountOutcome.AGAIN
        user = bucket.pseudonym(click.user)
        counted = bucket.marks.get((user, click.item_hash), 0)
        if counted >= recipe.clicks_per_user:
            return CountOutcome.CAPPED
        bucket.marks[user, click.item_hash] = counted + 1
        if bucket.chunk.counted == self._clicks_per_chunk:
            bucket.begin_chunk()
        before = click.before[-recipe.session_reach :]
        bucket.chunk.add(click.offset, click.item_hash, before, user, is_new_user=counted == 0)
        bucket.changed[bucket.chunk_number] = bucket.chunk
        return CountOutcome.COUNTED

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
        if self._newest is None:
            return
        for number in [one for one, bucket in self._open.items() if one <= self._newest - OPEN_BUCKETS]:
            if not self._open[number].changed:
                del self._open[number]


def is_early(timestamp_ms: int, recorded_ms: int, recipe: CountsRecipe) -> bool:
    """Tell whether a click's time lies ahead of the time when Kafka had it by more than the open buckets.

    It would close the buckets of all others.

    Args:
        timestamp_ms: When the click was.
        recorded_ms: When Kafka had it; negative where it does not say.
        recipe: The buckets' length.
    """
    return 0 <= recorded_ms < timestamp_ms - OPEN_BUCKETS * recipe.bucket_ms


def bucket_hash(partition: int, bucket: int) -> blake2b:
    """Return what a user's id is hashed behind: the same user has another name in each bucket and partition."""
    return blake2b(f"{partition}/{bucket}/".encode(), digest_size=8)
