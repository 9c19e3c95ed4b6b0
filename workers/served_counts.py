"""What everyone clicked, as this worker ranks with it: the counts topic, folded, and what of it enters a list.

Records are handed over by whoever reads the topic; they are folded where lists are ranked, between two micro-batches,
so that every list of a micro-batch has the same snapshot.

Legend: B users, R ring length, V items.
"""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.boosts import Boosts
from models.counts.count_records import Chunk, ChunkKey, decode_chunk, decode_key
from models.counts.counts_fold import CountsFold, Snapshot
from models.counts.ranking_rule import CountsRanking
from models.counts.recipe import CountsRecipe
from models.sequences.vocabulary import ItemVocabulary


class CountsRecord(NamedTuple):
    """A record of the counts topic; without a value it forgets its key."""

    offset: int
    key: bytes | None
    value: bytes | None


class ServedCounts:
    """Live counts beside a model.

    Args:
        recipe: The model's.
        vocabulary: Its items.
        item_bias: Added to every list's scores whatever is counted, (V,).

    Attributes:
        snapshot: Which counts lists are ranked with; None before the first.
        item_bias: `item_bias` and what everyone clicks, (V,).
    """

    def __init__(self, recipe: CountsRecipe, vocabulary: ItemVocabulary, item_bias: NDArray[np.float32]) -> None:
        self.recipe = recipe
        self._fold = CountsFold(recipe, np.array(vocabulary.hashes, np.uint64))
        self._ranking = CountsRanking(self._fold.counts)
        self._fixed_bias = item_bias
        self.item_bias = item_bias
        self.snapshot: Snapshot | None = None
        self._come: deque[CountsRecord] = deque()
        self._oldest_come_s: float | None = None
        # Held while a micro-batch is ranked: all its lists have one snapshot.
        self._standing_still = Lock()
        # A list that is asked for is ranked in another thread.
        self._lock = Lock()

    @property
    def waiting_s(self) -> float:
        """For how long records have been waiting to be folded."""
        return 0.0 if self._oldest_come_s is None else time.monotonic() - self._oldest_come_s

    @property
    def trending_items(self) -> int:
        """How many items everyone's clicks lift."""
        return int(np.count_nonzero(self.item_bias != self._fixed_bias))

    def hand_over(self, records: Sequence[CountsRecord]) -> None:
        """Take records, in the order of their offsets; they enter the counts with the next `advance`."""
        if records and self._oldest_come_s is None:
            self._oldest_come_s = time.monotonic()
        self._come.extend(records)

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Fold what has come, and nothing more until the block is left.

        Raises:
            CountsRecordError: If a record does not decode.
        """
        with self._standing_still:
            self._advance()
            yield

    def advance(self, *, even_if_ranking: bool = True) -> None:
        """Fold what has come.

        Args:
            even_if_ranking: Wait for the micro-batch that is being ranked; else leave it to the next one.

        Raises:
            CountsRecordError: If a record does not decode.
        """
        if self._standing_still.acquire(blocking=even_if_ranking):
            try:
                self._advance()
            finally:
                self._standing_still.release()

    def take_snapshot(self, offset: int, bucket: int | None = None) -> None:
        """Fold what has come and rank with all of it, whatever comes next: `CountsFold.take_snapshot`.

        Raises:
            CountsRecordError: If a record does not decode.
        """
        with self._standing_still, self._lock:
            self._fold_come()
            if self._fold.take_snapshot(offset, bucket):
                self._renew()

    def _advance(self) -> None:
        if not self._come:
            return
        with self._lock:
            if self._fold_come():
                self._renew()

    def _fold_come(self) -> bool:
        """Fold what has come; return whether there is a new snapshot."""
        self._oldest_come_s = None
        is_new = False
        while self._come:
            record = self._come.popleft()
            chunk = None if record.value is None else decode_chunk(record.value)
            is_new |= self._fold.apply(record.offset, decode_key(record.key), chunk)
        return is_new

    def _renew(self) -> None:
        """Rank with the newest snapshot."""
        self._ranking.refresh()
        self.item_bias = self._fixed_bias + self._ranking.item_bias
        # Last: whoever has read it has the bias of it, or of a newer one.
        self.snapshot = self._fold.snapshot

    def boosts(self, recent_index: NDArray[np.int32]) -> Boosts:
        """Return what users' last items add to their lists.

        Args:
            recent_index: Newest first, (B, R), -1 where one is not known.
        """
        with self._lock:
            return self._ranking.boosts(known_first(recent_index).astype(np.int64))

    def open_chunks(self, partition: int) -> list[tuple[ChunkKey, Chunk]]:
        """Return what whoever takes a source partition over goes on from; call it after `advance`."""
        with self._lock:
            return self._fold.open_chunks(partition)

    def newest_epoch(self, partition: int) -> int:
        """Return the epoch of whoever counted a source partition last; 0 where nobody did."""
        with self._lock:
            return self._fold.newest_epoch(partition)


def known_first(items: NDArray[np.int32]) -> NDArray[np.int32]:
    """Move what is -1 behind the others of its row, which keep their order, (B, R)."""
    if (np.diff((items < 0).astype(np.int8), axis=1) >= 0).all():
        return items
    return np.take_along_axis(items, np.argsort(items < 0, axis=1, kind="stable"), axis=1)
