"""HitRate@K, MRR@K and NDCG@K of outcomes, beside those of the popular list on the same clicks.

K is the length of the lists; the formulas and their sources are in `workers/prequential_tally.py`, and so is why the
sums are those of the worker's counters to the last bit.
"""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import numpy as np
import polars as pl

from workers.events import Strategy
from workers.prequential_tally import HISTORY_BINS, discounted_gains, history_bins, reciprocal_ranks


class ListFigures(msgspec.Struct, frozen=True):
    """What one kind of list is worth.

    Attributes:
        hit_rate: HitRate@K.
        mrr: MRR@K.
        ndcg: NDCG@K.
    """

    hit_rate: float
    mrr: float
    ndcg: float


class Figures(msgspec.Struct, frozen=True):
    """What the lists are worth on some clicks, of which there is one at least.

    Attributes:
        clicks: How many had a list to be found in.
        lists: The lists that the users had.
        popular: The popular list in their place.
    """

    clicks: int
    lists: ListFigures
    popular: ListFigures


class Slice(NamedTuple):
    """Some of the clicks.

    Attributes:
        kind: What they were told apart by.
        name: Which of them these are.
        figures: What the lists are worth on them.
    """

    kind: str
    name: str
    figures: Figures


def figures_of(outcomes: pl.DataFrame) -> Figures | None:
    """Return the figures of these outcomes; None where there are none."""
    if outcomes.is_empty():
        return None
    return Figures(len(outcomes), _list_figures(outcomes["rank"]), _list_figures(outcomes["popular_rank"]))


def slices(outcomes: pl.DataFrame) -> Iterator[Slice]:
    """Yield the figures by strategy and by length of history; slices without a click are left out."""
    bins = pl.Series(history_bins(outcomes["history_length"].to_numpy()), dtype=pl.Int64)
    parts = [("strategy", one.value, outcomes["strategy"] == one.value) for one in Strategy]
    parts += [("history", name, bins == code) for code, name in enumerate(HISTORY_BINS)]
    for kind, name, chosen in parts:
        figures = figures_of(outcomes.filter(chosen))
        if figures is not None:
            yield Slice(kind, name, figures)


def _list_figures(ranks: pl.Series) -> ListFigures:
    rank = ranks.to_numpy()
    gains = np.count_nonzero(rank), reciprocal_ranks(rank).sum(), discounted_gains(rank).sum()
    return ListFigures(*(float(gain / len(rank)) for gain in gains))
