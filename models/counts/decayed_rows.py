"""A sparse matrix of decayed counts, item by item, that stays small.

Its entries lie in a large sorted array, 16 bytes each; those that changed lately lie in a small one that overrides it.
Every entry is summed in the order in which buckets were added, wherever it lies; joining the two changes no byte.

Legend: V items, N entries, R rows that are read together, M entries that are read of a row, E entries of all of them.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.counts.decay import DecayClock
from models.counts.ragged_rows import largest, places, starts

# At so many buckets the matrix is pruned: by the buckets' numbers, never by how much was counted, so that what is kept
# does not depend on who asks when. An hour of the default buckets.
PRUNED_EVERY_BUCKETS = 360
# Entries kept of a row for each that is read: those behind may still rise.
KEPT_PER_READ = 4
# The arrays are joined when the small one has more entries than this, and than one in so many of the large one: adding
# copies the small one, joining copies both.
JOINED_FROM = 8_192
JOINED_SHARE = 16


class CountsRow(NamedTuple):
    """Entries of a row, largest first, of equal ones the lower item first.

    Attributes:
        item: (M,) or fewer.
        value: Decayed counts, (M,).
    """

    item: NDArray[np.int64]
    value: NDArray[np.float64]


class CountsRows(NamedTuple):
    """The largest entries of several rows, end to end, those of a row in order of its items.

    Attributes:
        length: Entries of each row, (R,).
        item: (E,).
        value: Sums as they are kept: times `DecayedRows.worth` they are decayed counts, (E,).
    """

    length: NDArray[np.int64]
    item: NDArray[np.int64]
    value: NDArray[np.float64]


class DecayedRows:
    """Decayed counts of pairs of items.

    Args:
        item_count: V.
        half_life: In buckets.
        row_length: M.
        floor: Decayed counts below it are dropped.

    Attributes:
        additions: How many buckets were added.
        changed_at: The number of the addition that changed each row last, (V,).
    """

    def __init__(self, item_count: int, *, half_life: int, row_length: int, floor: float) -> None:
        self._item_count = item_count
        self._row_length = row_length
        self._floor = floor
        self._clock = DecayClock(half_life)
        self._large = _no_entries()
        self._recent = _no_entries()
        self._bucket = 0
        self.additions = 0
        self.changed_at = np.zeros(item_count, dtype=np.int32)

    @property
    def entries(self) -> int:
        """How many entries there are, those that changed lately counted twice."""
        return len(self._large.key) + len(self._recent.key)

    def add(self, bucket: int, row: NDArray[np.int64], column: NDArray[np.int64], count: NDArray[np.int64]) -> None:
        """Add a bucket's counts, (p,) each; each pair occurs once."""
        self.additions += 1
        self._begin(bucket)
        self.changed_at[row] = self.additions
        key = row * self._item_count + column
        order = np.argsort(key)
        key, added = key[order], np.multiply(count[order], self._clock.weight(bucket), dtype=np.float64)
        place, is_recent = _find(self._recent, key)
        self._recent.value[place[is_recent]] += added[is_recent]
        fresh, added, place = key[~is_recent], added[~is_recent], place[~is_recent]
        before, is_large = _find(self._large, fresh)
        added[is_large] += self._large.value[before[is_large]]
        self._recent = _inserted(self._recent, place, _Entries(fresh, added))
        if len(self._recent.key) > max(JOINED_FROM, len(self._large.key) // JOINED_SHARE):
            self._join()

    def rows(self, items: NDArray[np.int64]) -> CountsRows:
        """Return the largest entries of some rows.

        Args:
            items: In ascending order, (R,).
        """
        length, entries = _overridden(self._slices(self._large, items), self._slices(self._recent, items))
        is_read = largest(entries.value, length, self._row_length)
        column = entries.key - np.repeat(items * self._item_count, length)
        return CountsRows(np.minimum(length, self._row_length), column[is_read], entries.value[is_read])

    def row(self, item: int, bucket: int) -> CountsRow:
        """Return the largest entries of an item's row as they are at the end of a bucket."""
        row = self.rows(np.array([item]))
        order = np.lexsort((row.item, -row.value))
        return CountsRow(row.item[order], row.value[order] * self.worth(bucket))

    def worth(self, bucket: int) -> float:
        """Return what a kept sum is to be multiplied by to be a decayed count at the end of a bucket."""
        return self._clock.worth(bucket)

    def _begin(self, bucket: int) -> None:
        """Prune if a boundary lies between the newest bucket and this one, and let the clock go on."""
        if bucket // PRUNED_EVERY_BUCKETS > self._bucket // PRUNED_EVERY_BUCKETS and self.entries:
            self._prune(bucket // PRUNED_EVERY_BUCKETS * PRUNED_EVERY_BUCKETS)
            self.changed_at[:] = self.additions
        self._bucket = max(bucket, self._bucket)
        factor = self._clock.advance(bucket)
        if factor != 1.0:
            self._large.value[:] *= factor
            self._recent.value[:] *= factor
            self.changed_at[:] = self.additions

    def _prune(self, bucket: int) -> None:
        self._join()
        kept = self._large.where(self._large.value * self._clock.worth(bucket) >= self._floor)
        _, length = np.unique(kept.key // self._item_count, return_counts=True)  # of the rows that have any
        self._large = kept.where(largest(kept.value, length, KEPT_PER_READ * self._row_length))

    def _join(self) -> None:
        _, self._large = _overridden(
            _Slices(np.array([len(self._large.key)]), self._large),
            _Slices(np.array([len(self._recent.key)]), self._recent),
        )
        self._recent = _no_entries()

    def _slices(self, entries: "_Entries", items: NDArray[np.int64]) -> "_Slices":
        bounds = entries.key.searchsorted(items * self._item_count)
        length = entries.key.searchsorted((items + 1) * self._item_count) - bounds
        at = np.repeat(bounds, length) + places(length)
        return _Slices(length, _Entries(entries.key[at], entries.value[at]))


class _Entries(NamedTuple):
    """Entries in order of their keys, row * V + column; each (N,)."""

    key: NDArray[np.int64]
    value: NDArray[np.float64]

    def where(self, is_kept: NDArray[np.bool_]) -> "_Entries":
        return _Entries(self.key[is_kept], self.value[is_kept])


class _Slices(NamedTuple):
    """Those of some rows, and how many of each, (R,)."""

    length: NDArray[np.int64]
    entries: _Entries


def _no_entries() -> _Entries:
    return _Entries(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float64))


def _find(entries: _Entries, key: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return where keys are, or belong, and whether they are there."""
    place = entries.key.searchsorted(key)
    is_there = np.zeros(len(key), dtype=np.bool_)
    inside = place < len(entries.key)
    is_there[inside] = entries.key[place[inside]] == key[inside]
    return place, is_there


def _overridden(large: _Slices, recent: _Slices) -> tuple[NDArray[np.int64], _Entries]:
    """Put the recent entries of the same rows in the places of those they override, or between them."""
    place, is_there = _find(large.entries, recent.entries.key)
    key, value = large.entries.key, large.entries.value.copy()
    value[place[is_there]] = recent.entries.value[is_there]
    new = ~is_there
    sums = np.concatenate([[0], np.cumsum(new)])
    begin = starts(recent.length)
    length = large.length + sums[begin + recent.length] - sums[begin]
    return length, _inserted(_Entries(key, value), place[new], recent.entries.where(new))


def _inserted(entries: _Entries, place: NDArray[np.int64], new: _Entries) -> _Entries:
    """Put new entries before those at some places, in ascending order: `np.insert` of keys and values at once."""
    at = place + np.arange(len(place))
    is_old = np.ones(len(entries.key) + len(place), dtype=np.bool_)
    is_old[at] = False
    key, value = np.empty(len(is_old), dtype=np.int64), np.empty(len(is_old))
    key[at], key[is_old] = new.key, entries.key
    value[at], value[is_old] = new.value, entries.value
    return _Entries(key, value)
