"""A bucket of a source partition while it takes clicks: its chunks, and whom it has counted how often for what.

Legend: c clicks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from models.counts.count_records import Chunk
from models.counts.counted_clicks import CountedClicks
from models.counts.open_chunk import OpenChunk


@dataclass(slots=True)
class OpenBucket:
    """What a bucket has.

    Attributes:
        hash: What its users' ids are hashed behind: `bucket_hash`.
        chunk_number: Of the chunk that takes clicks.
        chunk: That one.
        durable_offset: Clicks below it are in durable chunks.
        marks: How often whom the bucket has counted, by pseudonym and item hash.
        changed: Chunks that changed since they were taken last, by number.
    """

    hash: blake2b
    chunk_number: int = 0
    chunk: OpenChunk = field(default_factory=OpenChunk)
    durable_offset: int = 0
    marks: dict[tuple[int, int], int] = field(default_factory=dict)
    changed: dict[int, OpenChunk] = field(default_factory=dict)

    def resume(self, number: int, chunk: Chunk) -> None:
        """Go on behind a durable chunk; those before it come first."""
        self.chunk_number = number
        self.chunk = OpenChunk.of(chunk)
        self.durable_offset = max(self.durable_offset, chunk.next_offset)
        marks = chunk.marks
        hashes = chunk.items["item_hash"][marks["item"]].tolist()
        for user, item_hash, count in zip(marks["user"].tolist(), hashes, marks["count"].tolist(), strict=True):
            self.marks[user, item_hash] = self.marks.get((user, item_hash), 0) + count

    def begin_chunk(self) -> None:
        """Let the present chunk take no more clicks."""
        self.chunk_number += 1
        self.chunk = OpenChunk()

    def count(self, clicks: CountedClicks, *, clicks_per_user: int, clicks_per_chunk: int) -> int:
        """Count clicks of this bucket that are in no durable chunk, and return how many counted.

        Args:
            clicks: In the order of their offsets.
            clicks_per_user: How often a user counts at most for an item.
            clicks_per_chunk: How many clicks a chunk has at most.
        """
        users = self._pseudonyms(clicks.user)
        counted = self._mark(users, clicks.item_hash, clicks_per_user)
        counts = counted < clicks_per_user
        clicks, users, is_new_user = clicks.where(counts), users[counts], counted[counts] == 0
        start, end = 0, len(users)
        while start < end:
            if self.chunk.counted == clicks_per_chunk:
                self.begin_chunk()
            stop = min(end, start + clicks_per_chunk - self.chunk.counted)
            self.chunk.add(clicks.between(start, stop), users[start:stop], is_new_user[start:stop])
            self.changed[self.chunk_number] = self.chunk
            start = stop
        return end

    def _pseudonyms(self, users: Sequence[bytes]) -> NDArray[np.uint64]:
        """Return the 8-byte numbers by which the bucket knows users, (c,)."""
        begin, digests = self.hash.copy, []
        for user in users:
            digest = begin()
            digest.update(user)
            digests.append(digest.digest())
        return np.frombuffer(b"".join(digests), "<u8")

    def _mark(self, users: NDArray[np.uint64], item_hash: NDArray[np.uint64], most: int) -> NDArray[np.int64]:
        """Return how often each one's user had counted for its item before it, at most so often, (c,)."""
        marks, counted_before = self.marks, []
        for mark in zip(users.tolist(), item_hash.tolist(), strict=True):
            counted = marks.get(mark, 0)
            counted_before.append(counted)
            if counted < most:
                marks[mark] = counted + 1
        return np.array(counted_before, np.int64)


def bucket_hash(partition: int, bucket: int) -> blake2b:
    """Return what a user's id is hashed behind: the same user has another name in each bucket and partition."""
    return blake2b(f"{partition}/{bucket}/".encode(), digest_size=8)
