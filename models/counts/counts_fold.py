"""The counts topic as live counts: its records in the order of their offsets, and the snapshots that lists name.

A snapshot is what the records below an offset say. Snapshots are taken where a record begins a bucket that is newer
than all before it: the counts are then read as of the bucket that ends there. Between two snapshots records are only
kept; a snapshot adds what has become of them as whole numbers, bucket by bucket. So every reader of the topic has the
same snapshots, byte for byte, and a list names its own by bucket and offset.

Where a partition has passed to another worker, his claim begins a new epoch: what the one before him still writes is
left out (`models.counts.count_records`).

Compaction between two snapshots changes nothing. Where it took a chunk's record of before a snapshot, because the chunk
was written again behind it, that snapshot lacks what the record said and the next one has it: the same numbers, summed
in other steps, which may differ in their last bits.
"""

from collections import defaultdict
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.counts.buckets import CountsBucket, bucket_of, summed
from models.counts.count_records import CLAIM, Chunk, ChunkKey
from models.counts.live_counts import LiveCounts
from models.counts.partition_counter import OPEN_BUCKETS
from models.counts.recipe import CountsRecipe


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
        self._added: dict[_Slot, Chunk] = {}
        self._come: dict[_Slot, Chunk] = {}
        # By source partition.
        self._newest_of: dict[int, int] = {}
        self._epoch_of: dict[int, int] = {}

    def apply(self, offset: int, key: ChunkKey, chunk: Chunk | None) -> bool:
        """Take the next record; return whether there is a new snapshot, of everything before it.

        Args:
            offset: Its offset, above those of all before.
            key: What it stands for.
            chunk: Its absolute values; None: it is forgotten, what it counted has decayed.
        """
        if chunk is None or key.bucket_ms != self._bucket_ms or key.epoch < self.newest_epoch(key.partition):
            return False
        self._epoch_of[key.partition] = key.epoch
        if key.bucket == CLAIM:
            return False
        is_newer = self.newest_bucket is not None and key.bucket > self.newest_bucket
        if is_newer:
            self.take_snapshot(offset)
        self.newest_bucket = key.bucket if self.newest_bucket is None else max(key.bucket, self.newest_bucket)
        self._newest_of[key.partition] = max(key.bucket, self._newest_of.get(key.partition, key.bucket))
        self._come[_Slot(key.partition, key.bucket, key.chunk)] = chunk
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
        for slot, chunk in self._come.items():
            parts[slot.bucket].append(self._contents(chunk, 1))
            if slot in self._added:
                parts[slot.bucket].append(self._contents(self._added[slot], -1))
        for number in sorted(parts):
            self.counts.add(number, summed(parts[number]))
        bucket = self.newest_bucket if bucket is None else bucket
        self.counts.advance(bucket)
        self._added = {slot: chunk for slot, chunk in {**self._added, **self._come}.items() if self._is_open(slot)}
        self._come = {}
        self.snapshot = Snapshot(bucket, offset)
        return True

    def open_chunks(self, partition: int) -> list[tuple[ChunkKey, Chunk]]:
        """Return a source partition's chunks that whoever takes it over goes on from, in order of bucket and chunk."""
        found = {**self._added, **self._come}
        return [
            (ChunkKey(self._bucket_ms, *slot, self._epoch_of[partition]), chunk)
            for slot, chunk in sorted(found.items())
            if slot.partition == partition and self._is_open(slot)
        ]

    def newest_epoch(self, partition: int) -> int:
        """Return the epoch of whoever took a source partition over last; 0 where nobody did."""
        return self._epoch_of.get(partition, 0)

    def _is_open(self, slot: _Slot) -> bool:
        """Tell whether a slot may be written again."""
        return slot.bucket > self._newest_of[slot.partition] - OPEN_BUCKETS

    def _contents(self, chunk: Chunk, sign: int) -> CountsBucket:
        """Return a chunk by the vocabulary's rows, each count times `sign`."""
        hashes = chunk.items["item_hash"]
        place = np.minimum(np.searchsorted(self._sorted_hashes, hashes), len(self._sorted_hashes) - 1)
        row = np.where(self._sorted_hashes[place] == hashes, self._order[place], -1)
        return bucket_of(chunk, row, sign=sign)
