"""The counts topic as live counts: its records in the order of their offsets, and the snapshots that lists name.

A snapshot is what the records below an offset say. Snapshots are taken where a record begins a bucket that is newer
than all before it: the counts are then read as of the bucket that ends there. Between two snapshots records are only
kept; a snapshot adds what has become of them as whole numbers, bucket by bucket. So every reader of the topic has the
same snapshots, byte for byte, and a list names its own by bucket and offset.

Where a partition has passed to another worker, its records are the new epoch's from his first one on: what the one
before him still writes is left out, and what he wrote of a chunk that the new one goes on with, and behind it, is void
(`models.counts.count_records`).

Compaction between two snapshots changes nothing. Where it took a chunk's record of before a snapshot, because the chunk
was written again behind it, that snapshot lacks what the record said and the next one has it: the same numbers, summed
in other steps, which may differ in their last bits.
"""

from collections import defaultdict
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.counts.buckets import CountsBucket, PairCounts, summed
from models.counts.count_records import Chunk, ChunkKey
from models.counts.live_counts import LiveCounts
from models.counts.partition_counter import OPEN_BUCKETS
from models.counts.recipe import CountsRecipe

# Chunks of so many of a partition's buckets are kept, so that they can be taken out again: the open ones, and those
# that a worker who was taken for dead may have got ahead of his successor by.
KEPT_BUCKETS = 4 * OPEN_BUCKETS


class Snapshot(NamedTuple):
    """Which counts a list was ranked with.

    Attributes:
        bucket: The newest bucket in them.
        offset: Of the first record of the counts topic that is not in them.
    """

    bucket: int
    offset: int


class _Slot(NamedTuple):
    """A chunk, whoever wrote it."""

    partition: int
    bucket: int
    chunk: int


class _Written(NamedTuple):
    """What a slot holds, and of which epoch; nothing where another epoch made it void."""

    epoch: int
    chunk: Chunk | None


class CountsFold:
    """Follows the counts topic.

    Args:
        recipe: Records of another length of buckets are left out.
        item_hashes: The vocabulary's, in row order, uint64 (V,).

    Attributes:
        counts: As of `snapshot`.
        snapshot: None before the first.
        newest_bucket: Of all records.
    """

    def __init__(self, recipe: CountsRecipe, item_hashes: NDArray[np.uint64]) -> None:
        self.counts = LiveCounts(recipe, len(item_hashes))
        self.snapshot: Snapshot | None = None
        self.newest_bucket: int | None = None
        self._bucket_ms = recipe.bucket_ms
        self._order = np.argsort(item_hashes, kind="stable")
        self._sorted_hashes = item_hashes[self._order]
        # What may be written again, as it is in the counts; and what has come since the snapshot.
        self._added: dict[_Slot, _Written] = {}
        self._come: dict[_Slot, _Written] = {}
        # By source partition; and by source partition and bucket.
        self._newest_of: dict[int, int] = {}
        self._epoch_of: dict[int, int] = {}
        self._epoch_in: dict[tuple[int, int], int] = {}

    def apply(self, offset: int, key: ChunkKey, chunk: Chunk | None) -> bool:
        """Take the next record; return whether there is a new snapshot, of everything before it.

        Args:
            offset: Its offset, above those of all before.
            key: What it stands for.
            chunk: Its absolute values; None: it is forgotten, what it counted has decayed.
        """
        if chunk is None or key.bucket_ms != self._bucket_ms:
            return False
        is_newer = self.newest_bucket is not None and key.bucket > self.newest_bucket
        if is_newer:
            self.take_snapshot(offset)
        self.newest_bucket = key.bucket if self.newest_bucket is None else max(key.bucket, self.newest_bucket)
        if key.epoch >= self._epoch_of.get(key.partition, key.epoch):
            self._epoch_of[key.partition] = key.epoch
            self._newest_of[key.partition] = max(key.bucket, self._newest_of.get(key.partition, key.bucket))
            self._take_over(key)
            self._come[_slot(key)] = _Written(key.epoch, chunk)
        return is_newer

    def take_snapshot(self, offset: int, bucket: int | None = None) -> bool:
        """Take a snapshot of everything that has come; return whether anything ever has.

        For whoever knows where snapshots are without the records that begin new buckets: from lists that name them, or
        because he counts the clicks himself.

        Args:
            offset: Of the first record that is not in it.
            bucket: At the end of which bucket the counts are read; None: the newest that has come.
        """
        if self.newest_bucket is None:
            return False
        parts: defaultdict[int, list[CountsBucket]] = defaultdict(list)
        for slot, written in self._come.items():
            before = self._added.get(slot)
            for chunk, sign in ((written.chunk, 1), (None if before is None else before.chunk, -1)):
                if chunk is not None:
                    parts[slot.bucket].append(self._contents(chunk, sign))
        for number in sorted(parts):
            self.counts.add(number, summed(parts[number]))
        bucket = self.newest_bucket if bucket is None else bucket
        self.counts.advance(bucket)
        self._added = {
            slot: written
            for slot, written in {**self._added, **self._come}.items()
            if self._is_among_newest(slot, KEPT_BUCKETS)
        }
        self._come = {}
        self._epoch_in = {slot[:2]: self._epoch_in[slot[:2]] for slot in self._added}
        self.snapshot = Snapshot(bucket, offset)
        return True

    def open_chunks(self, partition: int) -> list[tuple[ChunkKey, Chunk]]:
        """Return a source partition's chunks that whoever takes it over goes on from, in order of bucket and chunk."""
        found = {**self._added, **self._come}
        return [
            (ChunkKey(self._bucket_ms, *slot, epoch), chunk)
            for slot, (epoch, chunk) in sorted(found.items())
            if chunk is not None and slot.partition == partition and self._is_among_newest(slot, OPEN_BUCKETS)
        ]

    def newest_epoch(self, partition: int) -> int:
        """Return the epoch of whoever counted a source partition last; 0 where nobody did."""
        return self._epoch_of.get(partition, 0)

    def _take_over(self, key: ChunkKey) -> None:
        """Where a bucket has its first record of an epoch, make void what others wrote of the chunk and behind it."""
        place = key.partition, key.bucket
        before = self._epoch_in.get(place, key.epoch)
        self._epoch_in[place] = key.epoch
        if before == key.epoch:
            return
        for slot in {**self._added, **self._come}:
            if slot[:2] == place and slot.chunk >= key.chunk:
                self._come[slot] = _Written(key.epoch, None)

    def _is_among_newest(self, slot: _Slot, buckets: int) -> bool:
        return slot.bucket > self._newest_of[slot.partition] - buckets

    def _contents(self, chunk: Chunk, sign: int) -> CountsBucket:
        """Return a chunk by the vocabulary's rows, what it does not know left out, each count times `sign`."""
        hashes = chunk.items["item_hash"]
        place = np.minimum(np.searchsorted(self._sorted_hashes, hashes), len(self._sorted_hashes) - 1)
        row = np.where(self._sorted_hashes[place] == hashes, self._order[place], -1)
        clicked = np.flatnonzero((row >= 0) & (chunk.items["clicks"] > 0))
        return CountsBucket(
            item=row[clicked],
            clicks=chunk.items["clicks"][clicked].astype(np.int64) * sign,
            users=chunk.items["users"][clicked].astype(np.int64) * sign,
            transitions=_pairs(chunk.transitions, row, sign),
            cooccurrences=_lower_first(_pairs(chunk.cooccurrences, row, sign)),
        )


def _slot(key: ChunkKey) -> _Slot:
    return _Slot(key.partition, key.bucket, key.chunk)


def _pairs(table: NDArray[np.void], row: NDArray[np.int64], sign: int) -> PairCounts:
    first, second = row[table["first"]], row[table["second"]]
    known = (first >= 0) & (second >= 0)
    return PairCounts(first[known], second[known], table["count"][known].astype(np.int64) * sign)


def _lower_first(pairs: PairCounts) -> PairCounts:
    return PairCounts(np.minimum(pairs.first, pairs.second), np.maximum(pairs.first, pairs.second), pairs.count)
