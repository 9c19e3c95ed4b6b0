"""The sum of two chunks, exact whole numbers.

Legend: n items, p pairs, m marks.
"""

import numpy as np
from numpy.typing import NDArray

from models.counts.count_records import ITEM_DTYPE, MARK_DTYPE, PAIR_DTYPE, Chunk

_SHIFT, _LOWER = np.int64(32), np.int64((1 << 32) - 1)


def chunk_sum(earlier: Chunk, later: Chunk) -> Chunk:
    """Return what two chunks of a bucket hold together, by one table of items in the order of their hashes.

    Args:
        earlier: Its items in the order of their hashes.
        later: The same; its `next_offset` is that of the sum.
    """
    chunks = (earlier, later)
    table = np.union1d(earlier.items["item_hash"], later.items["item_hash"])
    rows = [np.searchsorted(table, chunk.items["item_hash"]) for chunk in chunks]
    items = np.zeros(len(table), ITEM_DTYPE)
    items["item_hash"] = table
    for chunk, row in zip(chunks, rows, strict=True):
        items["clicks"][row] += chunk.items["clicks"]
        items["users"][row] += chunk.items["users"]
    return Chunk(
        later.next_offset,
        items,
        _pairs([_renamed(chunk.transitions, row) for chunk, row in zip(chunks, rows, strict=True)]),
        # The order of the items stays, and with it the lower one of a pair.
        _pairs([_renamed(chunk.cooccurrences, row) for chunk, row in zip(chunks, rows, strict=True)]),
        _marks([_renamed_marks(chunk.marks, row) for chunk, row in zip(chunks, rows, strict=True)]),
    )


def _renamed(pairs: NDArray[np.void], row: NDArray[np.int64]) -> NDArray[np.void]:
    """Name a chunk's items by the rows of another table, (p,)."""
    renamed = pairs.copy()
    renamed["first"], renamed["second"] = row[pairs["first"]], row[pairs["second"]]
    return renamed


def _renamed_marks(marks: NDArray[np.void], row: NDArray[np.int64]) -> NDArray[np.void]:
    renamed = marks.copy()
    renamed["item"] = row[marks["item"]]
    return renamed


def _pairs(parts: list[NDArray[np.void]]) -> NDArray[np.void]:
    """Sum pairs, each once, in order, (p,)."""
    joined = np.concatenate(parts)
    key, place = np.unique(
        joined["first"].astype(np.int64) << _SHIFT | joined["second"].astype(np.int64), return_inverse=True
    )
    pairs = np.empty(len(key), PAIR_DTYPE)
    pairs["first"], pairs["second"] = key >> _SHIFT, key & _LOWER
    pairs["count"] = np.bincount(place, joined["count"], len(key))
    return pairs


def _marks(parts: list[NDArray[np.void]]) -> NDArray[np.void]:
    """Sum marks, each user and item once, in order of the items, then of the users, (m,)."""
    joined = np.concatenate(parts)
    key, place = np.unique(joined[["item", "user"]], return_inverse=True)
    marks = np.empty(len(key), MARK_DTYPE)
    marks["item"], marks["user"] = key["item"], key["user"]
    marks["count"] = np.bincount(place, joined["count"], len(key))
    return marks
