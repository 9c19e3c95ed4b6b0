"""Rows of different lengths, laid end to end in one array.

Legend: R rows, E entries of all of them.
"""

import numpy as np
from numpy.typing import NDArray


def starts(length: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where each row starts, (R,)."""
    return np.cumsum(length) - length


def places(length: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return each entry's place in its row, (E,)."""
    return np.arange(int(length.sum())) - np.repeat(starts(length), length)


def largest(value: NDArray[np.float64], length: NDArray[np.int64], most: int) -> NDArray[np.bool_]:
    """Tell which entries are among the largest of their row, of equal ones the first, (E,).

    Args:
        value: (E,).
        length: (R,).
        most: How many of a row, at most.
    """
    is_largest = np.ones(len(value), dtype=np.bool_)
    begin = starts(length)
    # Rows are padded to the longest of those that are looked at together, so that none is more than twice as long.
    _, size = np.frexp(length)
    size[length <= most] = 0
    for one_size in np.unique(size[size > 0]):
        rows = np.flatnonzero(size == one_size)
        place = np.arange(int(length[rows].max()))
        is_entry = place < length[rows, None]
        entry = (begin[rows, None] + place)[is_entry]
        padded = np.full(is_entry.shape, -np.inf)
        padded[is_entry] = value[entry]
        is_largest[entry] = _largest_of_padded(padded, most)[is_entry]
    return is_largest


def _largest_of_padded(value: NDArray[np.float64], most: int) -> NDArray[np.bool_]:
    """Tell which are the largest of each row, no row is shorter than `most`; one shape (rows, places) throughout."""
    cut = value.shape[1] - most
    least = np.partition(value, cut, axis=1)[:, cut, None]
    is_above, is_least = value > least, value == least
    room = most - np.count_nonzero(is_above, axis=1, keepdims=True)
    is_largest: NDArray[np.bool_] = is_above | (is_least & (np.cumsum(is_least, axis=1) <= room))
    return is_largest
