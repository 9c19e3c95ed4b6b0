"""A sparse matrix of decayed counts, item by item, that stays small.

Most of it lies in two sorted arrays, 16 bytes an entry; entries that changed since are kept beside them, by row. Every
entry is summed in the order of its buckets, wherever it lies, so that its bytes do not depend on when they are joined.

Legend: V items, N entries, M entries that are read of a row.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.counts.decay import DecayClock

# At so many buckets the matrix is pruned: by the buckets' numbers, never by how much was counted, so that what is kept
# does not depend on who asks when. An hour of the default buckets.
PRUNED_EVERY_BUCKETS = 360
# Entries kept of a row for each that is read: those behind may still rise.
KEPT_PER_READ = 4
# Changed entries are joined to the arrays when there are more of them than this and than entries there.
JOINED_FROM = 100_000


class CountsRow(NamedTuple):
    """Entries of a row, largest first, of equal ones the lower item first.

    Attributes:
        item: (M,) or fewer.
        value: Decayed counts, (M,).
    """

    item: NDArray[np.int64]
    value: NDArray[np.float64]


class DecayedRows:
    """Decayed counts of pairs of items.

    Args:
        item_count: V.
        half_life: In buckets.
        row_length: M.
        floor: Decayed counts below it are dropped.
    """

    def __init__(self, item_count: int, *, half_life: int, row_length: int, floor: float) -> None:
        self._item_count = item_count
        self._row_length = row_length
        self._floor = floor
        self._clock = DecayClock(half_life)
        self._key = np.empty(0, dtype=np.int64)  # row * V + column, ascending
        self._value = np.empty(0, dtype=np.float64)
        self._changed: dict[int, dict[int, float]] = {}
        self._changed_count = 0
        self._bucket = 0

    @property
    def entries(self) -> int:
        """How many entries there are, those of changed rows counted twice."""
        return len(self._key) + self._changed_count

    def add(self, bucket: int, row: NDArray[np.int64], column: NDArray[np.int64], count: NDArray[np.int64]) -> None:
        """Add a bucket's counts, (p,) each; each pair occurs once."""
        self._begin(bucket)
        weight = self._clock.weight(bucket)
        before = self._stored(row * self._item_count + column)
        for row_item, column_item, old, added in zip(
            row.tolist(), column.tolist(), before.tolist(), (count * weight).tolist(), strict=True
        ):
            changed = self._changed.setdefault(row_item, {})
            if column_item not in changed:
                changed[column_item] = old
                self._changed_count += 1
            changed[column_item] += added
        if self._changed_count > max(JOINED_FROM, len(self._key)):
            self._join()

    def row(self, item: int, bucket: int) -> CountsRow:
        """Return the largest entries of an item's row as they are at the end of a bucket."""
        first, last = np.searchsorted(self._key, [item * self._item_count, (item + 1) * self._item_count])
        column, value = self._key[first:last] - item * self._item_count, self._value[first:last]
        changed = self._changed.get(item)
        if changed:
            newer = np.fromiter(changed.keys(), np.int64, len(changed))
            is_old = ~np.isin(column, newer)
            column = np.concatenate([column[is_old], newer])
            value = np.concatenate([value[is_old], np.fromiter(changed.values(), np.float64, len(changed))])
        order = np.lexsort((column, -value))[: self._row_length]
        return CountsRow(column[order], value[order] * self._clock.worth(bucket))

    def _begin(self, bucket: int) -> None:
        """Prune if a boundary lies between the last bucket and this one, and let the clock go on."""
        if bucket // PRUNED_EVERY_BUCKETS > self._bucket // PRUNED_EVERY_BUCKETS and self.entries:
            self._prune(bucket // PRUNED_EVERY_BUCKETS * PRUNED_EVERY_BUCKETS)
        self._bucket = max(bucket, self._bucket)
        factor = self._clock.advance(bucket)
        if factor != 1.0:
            self._join()
            self._value *= factor

    def _prune(self, bucket: int) -> None:
        self._join()
        is_large = self._value * self._clock.worth(bucket) >= self._floor
        key, value = self._key[is_large], self._value[is_large]
        row = key // self._item_count
        order = np.lexsort((key, -value, row))
        place = np.arange(len(row)) - np.searchsorted(row, row)  # rows are in order: a row's k-th largest has k
        kept = np.sort(order[place < KEPT_PER_READ * self._row_length])
        self._key, self._value = key[kept], value[kept]

    def _stored(self, key: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return what the arrays hold under some keys, 0 where there is none."""
        if not len(self._key):
            return np.zeros(len(key))
        place = np.minimum(np.searchsorted(self._key, key), len(self._key) - 1)
        return np.where(self._key[place] == key, self._value[place], 0.0)

    def _join(self) -> None:
        """Put the changed entries in the places of those they come from, or between them."""
        if not self._changed_count:
            return
        rows = np.repeat(
            np.fromiter(self._changed, np.int64, len(self._changed)), [len(row) for row in self._changed.values()]
        )
        columns = np.concatenate([np.fromiter(row, np.int64, len(row)) for row in self._changed.values()])
        values = np.concatenate([np.fromiter(row.values(), np.float64, len(row)) for row in self._changed.values()])
        keys = rows * self._item_count + columns
        is_old = ~np.isin(self._key, keys, assume_unique=True)
        key = np.concatenate([self._key[is_old], keys])
        order = np.argsort(key)
        self._key, self._value = key[order], np.concatenate([self._value[is_old], values])[order]
        self._changed, self._changed_count = {}, 0
