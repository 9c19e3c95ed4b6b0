"""What follows items, and what they are clicked together with: their rows as they were read last.

A row is kept as sums, not as shares: time lets all sums of a kind decay alike, so that a row stays right until it is
counted in again. Each has a slot of a table; when the table is full it is begun anew.

Legend: V items, S slots, W items of a slot at most, Q rows that are asked for, E entries of all of them.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.counts.decayed_rows import CountsRows
from models.counts.live_counts import LiveCounts
from models.counts.ragged_rows import places

# Slots, of 20 bytes an item: 21 MB at the default row length, where so many different items are a user's last.
MOST_ROWS = 16_384


class FollowerShares(NamedTuple):
    """Sparse parts of shares, T + w_c C, row after row, each in order of its items.

    Attributes:
        length: Entries of each row, (Q,).
        item: (E,).
        share: (E,).
    """

    length: NDArray[np.int64]
    item: NDArray[np.int64]
    share: NDArray[np.float64]


class FollowerRows:
    """Keeps rows of both kinds of counts.

    Args:
        counts: What is read.
        most_rows: S.
    """

    def __init__(self, counts: LiveCounts, most_rows: int = MOST_ROWS) -> None:
        self._counts = counts
        self._most_rows = most_rows
        self._refreshed_at = 0
        self._slot_of_item = np.full(counts.item_count, -1, dtype=np.int32)
        self._allocate(most_rows)
        self.refresh()

    def refresh(self) -> None:
        """Let go of the rows that changed, and read time anew."""
        recipe, bucket = self._counts.recipe, self._counts.bucket or 0
        after, both = self._counts.transitions, self._counts.cooccurrences
        kept = self._item_of_slot[: self._used]
        self._is_current[: self._used] &= after.changed_at[kept] <= self._refreshed_at
        self._is_current[: self._used] &= both.changed_at[kept] <= self._refreshed_at
        self._refreshed_at = after.additions
        self._worth = np.array([after.worth(bucket), both.worth(bucket)])
        self._weight = np.array([1.0, recipe.cooccurrence_weight])

    def shares(self, items: NDArray[np.int64]) -> FollowerShares:
        """Return the shares of some items' followers as they are now.

        Args:
            items: (Q,), in any order.
        """
        slot = self._slots(items)
        # A sum v of a row of sum m decays to v f: its share is v f / (m f + smoothing).
        factor = self._weight * self._worth / (self._mass[slot] * self._worth + self._counts.recipe.smoothing)
        length = self._length[slot]
        at = np.repeat(slot * self._item.shape[1], length) + places(length)
        share = self._after.ravel().take(at) * np.repeat(factor[:, 0], length)
        share += self._both.ravel().take(at) * np.repeat(factor[:, 1], length)
        return FollowerShares(length, self._item.ravel().take(at).astype(np.int64), share)

    def _slots(self, items: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return in which slots items are, those that are not there or changed read first."""
        slot = self._slot_of_item[items]
        is_cold = (slot < 0) | ~self._is_current[slot]
        if is_cold.any():
            cold = np.unique(items[is_cold])
            if self._used + np.count_nonzero(self._slot_of_item[cold] < 0) > len(self._item):
                cold = np.unique(items)
                self._slot_of_item[self._item_of_slot[: self._used]] = -1
                self._allocate(max(self._most_rows, len(cold)))
            self._read(cold)
        return self._slot_of_item[items].astype(np.int64)

    def _allocate(self, rows: int) -> None:
        width = min(2 * self._counts.recipe.row_length, self._counts.item_count)
        self._used = 0
        self._is_current = np.zeros(rows, dtype=np.bool_)
        self._item_of_slot = np.empty(rows, dtype=np.int64)
        self._length = np.empty(rows, dtype=np.int64)
        self._mass = np.empty((rows, 2))  # sums of each row's entries, of transitions and of co-occurrences
        # (S, W); what no row was written to takes no memory yet.
        self._item = np.empty((rows, width), dtype=np.int32)
        self._after = np.empty((rows, width))
        self._both = np.empty((rows, width))

    def _read(self, items: NDArray[np.int64]) -> None:
        """Read rows into their slots, or new ones; each item once, in ascending order."""
        new = items[self._slot_of_item[items] < 0]
        self._slot_of_item[new] = np.arange(self._used, self._used + len(new))
        self._item_of_slot[self._used : self._used + len(new)] = new
        self._used += len(new)
        slot = self._slot_of_item[items].astype(np.int64)

        after, both = self._counts.transitions.rows(items), self._counts.cooccurrences.rows(items)
        after_key, both_key = self._keys(after), self._keys(both)
        key = np.concatenate([after_key, both_key])
        key.sort(kind="stable")  # timsort: merges the two
        key = key[np.diff(key, prepend=-1) != 0]
        row = key // self._counts.item_count
        length = np.bincount(row, minlength=len(items))
        at = slot[row], places(length)
        self._item[at] = key - row * self._counts.item_count
        for table, keys, values in ((self._after, after_key, after.value), (self._both, both_key, both.value)):
            sums = np.zeros(len(key))
            sums[key.searchsorted(keys)] = values
            table[at] = sums
        self._length[slot] = length
        self._mass[slot] = np.stack([_row_sums(after), _row_sums(both)], axis=1)
        self._is_current[slot] = True

    def _keys(self, rows: CountsRows) -> NDArray[np.int64]:
        return np.repeat(np.arange(len(rows.length)) * self._counts.item_count, rows.length) + rows.item


def _row_sums(rows: CountsRows) -> NDArray[np.float64]:
    """Sum each row in order of its items: the same bytes, whatever rows are read with it."""
    row = np.repeat(np.arange(len(rows.length)), rows.length)
    sums: NDArray[np.float64] = np.bincount(row, rows.value, minlength=len(rows.length)).astype(np.float64)
    return sums
