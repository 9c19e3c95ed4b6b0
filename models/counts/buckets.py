"""What was clicked in a bucket of event time: whole numbers, so that sums do not depend on any order.

Legend: n items of a bucket, p pairs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.counts.count_records import Chunk


@dataclass(frozen=True)
class PairCounts:
    """How often pairs of items were seen, in order of their items; each (p,)."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    count: NDArray[np.int64]


@dataclass(frozen=True)
class CountsBucket:
    """What was clicked in a bucket.

    Attributes:
        item: In ascending order, (n,).
        clicks: How often each was clicked, (n,).
        users: By how many users, (n,).
        transitions: An item, and what was clicked right after it in the same session.
        cooccurrences: Two items of a session, the lower index first.
    """

    item: NDArray[np.int64]
    clicks: NDArray[np.int64]
    users: NDArray[np.int64]
    transitions: PairCounts
    cooccurrences: PairCounts


def bucket_of(chunk: Chunk, row: NDArray[np.int64], *, sign: int = 1) -> CountsBucket:
    """Return what a chunk counted.

    Args:
        chunk: Its items are named by hashes.
        row: In which row each of them is, -1 where in none: it is left out, (n,).
        sign: What each count is multiplied by; -1 takes out what was added before.
    """
    clicked = np.flatnonzero((row >= 0) & (chunk.items["clicks"] > 0))
    return CountsBucket(
        item=row[clicked],
        clicks=chunk.items["clicks"][clicked].astype(np.int64) * sign,
        users=chunk.items["users"][clicked].astype(np.int64) * sign,
        transitions=_pairs(chunk.transitions, row, sign),
        cooccurrences=_lower_first(_pairs(chunk.cooccurrences, row, sign)),
    )


def summed(buckets: Sequence[CountsBucket]) -> CountsBucket:
    """Add up what several chunks, of any source partitions, hold of the same bucket; items and pairs in order."""
    item, place = np.unique(np.concatenate([bucket.item for bucket in buckets]), return_inverse=True)
    clicks, users = np.zeros_like(item), np.zeros_like(item)
    np.add.at(clicks, place, np.concatenate([bucket.clicks for bucket in buckets]))
    np.add.at(users, place, np.concatenate([bucket.users for bucket in buckets]))
    return CountsBucket(
        item,
        clicks,
        users,
        _summed_pairs([bucket.transitions for bucket in buckets]),
        _summed_pairs([bucket.cooccurrences for bucket in buckets]),
    )


def _summed_pairs(parts: Sequence[PairCounts]) -> PairCounts:
    # Rows of a vocabulary: two of them are one number, which sorts as the pair does.
    pairs = np.concatenate([part.first << 32 | part.second for part in parts])
    unique, place = np.unique(pairs, return_inverse=True)
    count = np.zeros(len(unique), dtype=np.int64)
    np.add.at(count, place, np.concatenate([part.count for part in parts]))
    return PairCounts(unique >> 32, unique & 0xFFFF_FFFF, count)


def _pairs(table: NDArray[np.void], row: NDArray[np.int64], sign: int) -> PairCounts:
    first, second = row[table["first"]], row[table["second"]]
    known = (first >= 0) & (second >= 0)
    return PairCounts(first[known], second[known], table["count"][known].astype(np.int64) * sign)


def _lower_first(pairs: PairCounts) -> PairCounts:
    return PairCounts(np.minimum(pairs.first, pairs.second), np.maximum(pairs.first, pairs.second), pairs.count)
