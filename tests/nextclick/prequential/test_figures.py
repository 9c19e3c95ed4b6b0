"""Figures are sums over clicks, the same as the worker's counters give."""

import math

import polars as pl
import pytest

from nextclick.prequential.figures import Figures, ListFigures, figures_of, slices
from tests.nextclick.prequential.made import make_outcomes


def test_figures_of_four_clicks() -> None:
    """Ranks 1, 2, 4 and a miss; the popular list hits once, at 3."""
    figures = figures_of(make_outcomes([(1, 0), (2, 3), (4, 0), (0, 0)]))
    assert figures is not None
    assert (figures.clicks, figures.lists.hit_rate, figures.lists.mrr) == (4, 0.75, (1 + 1 / 2 + 1 / 4) / 4)
    assert figures.lists.ndcg == pytest.approx((1 + 1 / math.log2(3) + 1 / math.log2(5)) / 4, abs=3e-8)
    assert figures.popular.hit_rate == 0.25
    assert figures.popular.mrr == pytest.approx(1 / 12, abs=3e-8)
    assert figures.popular.ndcg == 0.5 / 4


def test_no_click_has_no_figures() -> None:
    assert figures_of(make_outcomes([])) is None
    assert list(slices(make_outcomes([]))) == []


def test_slices_add_up() -> None:
    """By strategy and by history; what has no click is left out."""
    parts = [make_outcomes([(1, 0), (0, 0)], history=3), make_outcomes([(1, 1)], history=20)]
    outcomes = pl.concat([parts[0], parts[1].with_columns(strategy=pl.lit("popular"))])
    found = [(one.kind, one.name, one.figures.clicks, one.figures.lists.hit_rate) for one in slices(outcomes)]
    assert found == [
        ("strategy", "personal", 2, 0.5),
        ("strategy", "popular", 1, 1),
        ("history", "2-4", 2, 0.5),
        ("history", "20+", 1, 1),
    ]
    (*_, last) = slices(outcomes)
    assert last.figures == Figures(1, ListFigures(1, 1, 1), ListFigures(1, 1, 1))
