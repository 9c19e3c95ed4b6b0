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
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.counts.count_records import ITEM_DTYPE, MARK_DTYPE, PAIR_DTYPE, Chunk, ChunkKey
from models.counts.recipe import CountsRecipe

# Most clicks of a chunk, some ten kilobytes.
CLICKS_PER_CHUNK = 256
# A chunk that was written with so many takes no more: each micro-batch that adds to a chunk writes all of it again.
REWRITTEN_CLICKS = 32
# The newest bucket of a partition and those before it take clicks.
OPEN_BUCKETS = 6
# Two table indices of a pair as one number.
_SHIFT = 32
_LOWER = (1 << _SHIFT) - 1


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
class _OpenChunk:
    table: dict[int, int] = field(default_factory=dict)  # item hash -> index
    clicks: list[int] = field(default_factory=list)  # by index
    users: list[int] = field(default_factory=list)
    transitions: dict[int, int] = field(default_factory=dict)
    cooccurrences: dict[int, int] = field(default_factory=dict)
    marks: dict[tuple[int, int], int] = field(default_factory=dict)  # (user, index) -> count
    counted: int = 0
    next_offset: int = 0

    @classmethod
    def of(cls, chunk: Chunk) -> "_OpenChunk":
        return cls(
            table={item_hash: index for index, item_hash in enumerate(chunk.items["item_hash"].tolist())},
            clicks=chunk.items["clicks"].tolist(),
            users=chunk.items["users"].tolist(),
            transitions=_by_pair(chunk.transitions),
            cooccurrences=_by_pair(chunk.cooccurrences),
            marks={(user, index): count for user, index, count in chunk.marks.tolist()},
            counted=int(chunk.items["clicks"].sum()),
            next_offset=chunk.next_offset,
        )

    def index_of(self, item_hash: int) -> int:
        index = self.table.setdefault(item_hash, len(self.clicks))
        if index == len(self.clicks):
            self.clicks.append(0)
            self.users.append(0)
        return index

    def add(self, click: CountedClick, user: int, *, is_new_user: bool, reach: int) -> None:
        item = self.index_of(click.item_hash)
        self.counted += 1
        self.next_offset = click.offset + 1
        self.clicks[item] += 1
        self.users[item] += is_new_user
        self.marks[user, item] = self.marks.get((user, item), 0) + 1
        if click.before:
            pair = self.index_of(click.before[-1]) << _SHIFT | item
            self.transitions[pair] = self.transitions.get(pair, 0) + 1
            # In an order that is the same everywhere: that of the clicks.
            for other_hash in dict.fromkeys(click.before[-reach:]):
                if other_hash != click.item_hash:
                    other = self.index_of(other_hash)
                    pair = min(item, other) << _SHIFT | max(item, other)
                    self.cooccurrences[pair] = self.cooccurrences.get(pair, 0) + 1

    def contents(self) -> Chunk:
        items = np.empty(len(self.table), ITEM_DTYPE)
        items["item_hash"] = np.fromiter(self.table, np.uint64, len(self.table))
        items["clicks"], items["users"] = self.clicks, self.users
        marks = np.empty(len(self.marks), MARK_DTYPE)
        owners = np.fromiter(chain.from_iterable(self.marks), np.uint64, 2 * len(self.marks)).reshape(-1, 2)
        marks["user"], marks["item"] = owners[:, 0], owners[:, 1]
        marks["count"] = np.fromiter(self.marks.values(), np.int64, len(self.marks))
        return Chunk(self.next_offset, items, _pairs(self.transitions), _pairs(self.cooccurrences), marks)


@dataclass(slots=True)
class _OpenBucket:
    chunk_number: int = 0
    chunk: _OpenChunk = field(default_factory=_OpenChunk)
    durable_offset: int = 0  # clicks below it are in durable chunks
    marks: dict[tuple[int, int], int] = field(default_factory=dict)  # (user, item hash) -> count
    # Chunks that changed since they were taken last, by number.
    changed: dict[int, _OpenChunk] = field(default_factory=dict)

    def begin_chunk(self) -> None:
        self.chunk_number += 1
        self.chunk = _OpenChunk()


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
            bucket = self._open.setdefault(key.bucket, _OpenBucket())
            bucket.chunk_number = key.chunk
            bucket.chunk = _OpenChunk.of(chunk)
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
            self._close()
        elif number <= self._newest - OPEN_BUCKETS:
            return CountOutcome.LATE
        bucket = self._open.get(number)
        if bucket is None:
            bucket = self._open[number] = _OpenBucket()
        if click.offset < bucket.durable_offset:
            return CountOutcome.AGAIN
        user = pseudonym(click.user, self._partition, number)
        counted = bucket.marks.get((user, click.item_hash), 0)
        if counted >= recipe.clicks_per_user:
            return CountOutcome.CAPPED
        bucket.marks[user, click.item_hash] = counted + 1
        if bucket.chunk.counted == self._clicks_per_chunk:
            bucket.begin_chunk()
        bucket.chunk.add(click, user, is_new_user=counted == 0, reach=recipe.session_reach)
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


def pseudonym(user: str, partition: int, bucket: int) -> int:
    """Return the 8-byte number by which a bucket knows a user."""
    digest = blake2b(f"{partition}/{bucket}/{user}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def _by_pair(pairs: NDArray[np.void]) -> dict[int, int]:
    return {first << _SHIFT | second: count for first, second, count in pairs.tolist()}


def _pairs(counts: dict[int, int]) -> NDArray[np.void]:
    pairs = np.empty(len(counts), PAIR_DTYPE)
    both = np.fromiter(counts, np.uint64, len(counts))
    pairs["first"], pairs["second"] = both >> np.uint64(_SHIFT), both & np.uint64(_LOWER)
    pairs["count"] = np.fromiter(counts.values(), np.int64, len(counts))
    return pairs
