"""Sums over scored clicks, from which HitRate@K, MRR@K and NDCG@K are made; K is the length of the lists.

A click has one right answer, the clicked item, so that its ideal gain is 1: HitRate@K is the share of clicks that the
list had, MRR@K the mean of 1 / rank (Voorhees, "The TREC-8 question answering track report", 1999), NDCG@K the mean of
1 / log2(rank + 1) (Jarvelin and Kekalainen, "Cumulated gain-based evaluation of IR techniques", ACM TOIS 20, 2002); a
miss counts 0.

**Invariant.** Gains are multiples of 2**-24, so that sums of them are exact below 2**29 clicks, in any order: what
several workers add up to is what a replay of their clicks gives, to the last bit. No gain is off by more than 3e-8.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from workers.events import Strategy
from workers.prequential import ScoredClicks
from workers.stepping import STRATEGIES

# The shortest history of each bin.
_BIN_STARTS = np.array([1, 2, 5, 10, 20])
HISTORY_BINS = ("1", "2-4", "5-9", "10-19", "20+")
_QUANTA = 2.0**24
_CELLS = len(STRATEGIES) * len(HISTORY_BINS)


class ListSums(NamedTuple):
    """Sums over the clicks of a cell for one kind of list.

    Attributes:
        hits: Clicks that the list had.
        reciprocal_ranks: Sum of 1 / rank.
        gains: Sum of 1 / log2(rank + 1).
    """

    hits: float
    reciprocal_ranks: float
    gains: float


class CellSums(NamedTuple):
    """Sums over the clicks of users with lists of one strategy and histories of one bin.

    Attributes:
        strategy: The strategy.
        history: Of `HISTORY_BINS`.
        opportunities: The clicks.
        unknown_items: Those on items that the model does not know.
        lists: Of the lists that the users had.
        popular: Of the popular list in their place.
    """

    strategy: Strategy
    history: str
    opportunities: float
    unknown_items: float
    lists: ListSums
    popular: ListSums


def history_bins(history_length: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the bin of each history of at least one click: positions in `HISTORY_BINS`, (O,)."""
    bins: NDArray[np.int64] = np.searchsorted(_BIN_STARTS, history_length, side="right") - 1
    return bins


def reciprocal_ranks(rank: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return 1 / rank of each rank, 0 for a miss, rounded as the invariant says, (O,)."""
    return _quantised(1.0 / np.maximum(rank, 1), rank)


def discounted_gains(rank: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return 1 / log2(rank + 1) of each rank, 0 for a miss, rounded as the invariant says, (O,)."""
    return _quantised(1.0 / np.log2(np.maximum(rank, 1) + 1.0), rank)


def _quantised(gain: NDArray[np.float64], rank: NDArray[np.integer]) -> NDArray[np.float64]:
    return np.where(rank > 0, np.rint(gain * _QUANTA) / _QUANTA, 0.0)


def cell_sums(scored: ScoredClicks) -> list[CellSums]:
    """Return the sums of the cells that have clicks."""
    cell = scored.strategy * np.int64(len(HISTORY_BINS)) + history_bins(scored.history_length)
    opportunities = np.bincount(cell, minlength=_CELLS)
    unknown_items = np.bincount(cell[~scored.is_known], minlength=_CELLS)
    lists, popular = _list_sums(cell, scored.rank), _list_sums(cell, scored.popular_rank)
    return [
        CellSums(
            STRATEGIES[one // len(HISTORY_BINS)],
            HISTORY_BINS[one % len(HISTORY_BINS)],
            float(opportunities[one]),
            float(unknown_items[one]),
            ListSums(*lists[:, one].tolist()),
            ListSums(*popular[:, one].tolist()),
        )
        for one in np.flatnonzero(opportunities).tolist()
    ]


def _list_sums(cell: NDArray[np.int64], rank: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return each cell's hits, reciprocal ranks and gains, (3, cells)."""
    hit = np.flatnonzero(rank)
    cell, rank = cell[hit], rank[hit]
    sums = [np.bincount(cell, weights, _CELLS) for weights in (None, reciprocal_ranks(rank), discounted_gains(rank))]
    return np.array(sums, np.float64)
