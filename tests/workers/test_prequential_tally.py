"""Sums by strategy and history, exact however they are added up."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.workers.reports import make_scored
from workers.events import Strategy
from workers.prequential_tally import (
    HISTORY_BINS,
    CellSums,
    ListSums,
    cell_sums,
    discounted_gains,
    history_bins,
    reciprocal_ranks,
)

PERSONAL, POPULAR = Strategy.PERSONAL, Strategy.POPULAR


def test_clicks_are_summed_by_strategy_and_history() -> None:
    """Four cells of seven clicks; ranks that are powers of two have gains without a remainder."""
    rows = [
        (1, 0, PERSONAL, 1),
        (2, 4, PERSONAL, 1),
        (0, 1, PERSONAL, 1),
        (0, 0, PERSONAL, 4),
        (3, 1, POPULAR, 4),
        (1, 1, PERSONAL, 20),
        (4, 0, PERSONAL, 1_000),
    ]
    assert cell_sums(make_scored(rows, unknown=[3])) == [
        CellSums(PERSONAL, "1", 3, 0, ListSums(2, 1.5, 1 + _gain(2)), ListSums(2, 1.25, 1 + _gain(4))),
        CellSums(PERSONAL, "2-4", 1, 1, ListSums(0, 0, 0), ListSums(0, 0, 0)),
        CellSums(PERSONAL, "20+", 2, 0, ListSums(2, 1.25, 1 + _gain(4)), ListSums(1, 1, 1)),
        CellSums(POPULAR, "2-4", 1, 0, ListSums(1, _third(), 0.5), ListSums(1, 1, 1)),
    ]


def _gain(rank: int) -> float:
    return round(2**24 / math.log2(rank + 1)) / 2**24


def _third() -> float:
    return round(2**24 / 3) / 2**24


def test_no_click_has_no_cell() -> None:
    assert cell_sums(make_scored([])) == []


def test_bins_begin_where_their_names_say() -> None:
    lengths = [1, 2, 4, 5, 9, 10, 19, 20, 5_000]
    names = ["1", "2-4", "2-4", "5-9", "5-9", "10-19", "10-19", "20+", "20+"]
    assert [HISTORY_BINS[code] for code in history_bins(np.array(lengths))] == names


@pytest.mark.parametrize("gains", [reciprocal_ranks, discounted_gains])
def test_sums_are_exact_in_any_order(gains: Callable[[NDArray[np.integer]], NDArray[np.float64]]) -> None:
    """One by one, backwards, and as two workers do: the same to the last bit, unlike sums of 1/3."""
    gain = gains(np.random.default_rng(1).integers(0, 21, 20_000))
    forwards = sum(gain.tolist())
    assert sum(gain[::-1].tolist()) == forwards
    assert sum(gain[:777].tolist()) + float(gain[777:].sum()) == forwards
    assert forwards == math.fsum(gain)


def test_gains_are_those_of_the_formulas() -> None:
    ranks = np.arange(1, 1_001)
    assert np.abs(reciprocal_ranks(ranks) - 1 / ranks).max() < 3e-8
    assert np.abs(discounted_gains(ranks) - 1 / np.log2(ranks + 1)).max() < 3e-8
    assert reciprocal_ranks(np.array([0])).tolist() == discounted_gains(np.array([0])).tolist() == [0]
