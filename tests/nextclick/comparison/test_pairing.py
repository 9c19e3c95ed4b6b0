"""Outcomes are paired by their record, or refused."""

import numpy as np
import polars as pl
import pytest

from models.errors import DataError
from nextclick.comparison.measures import gains
from nextclick.comparison.pairing import ModelOutcomes, pair
from tests.nextclick.comparison.made import make_outcomes


def without(model: ModelOutcomes, *offsets: int) -> ModelOutcomes:
    """Leave outcomes out."""
    kept = model.outcomes.filter(~pl.col("offset").is_in(offsets))
    return ModelOutcomes(model.name, kept, model.list_length)


def test_gains_of_a_rank() -> None:
    """HitRate, MRR, NDCG: 1, 1/r, 1/log2(r + 1); nothing beyond K, and nothing for no rank."""
    assert gains(np.array([1, 3, 4, 0]), 3).tolist() == [[1, 1, 1], [1, 1 / 3, 0.5], [0, 0, 0], [0, 0, 0]]


def test_the_reference_comes_first_and_the_popular_list_last() -> None:
    paired = pair([make_outcomes("a", [1, 2], popular_ranks=[0, 5]), make_outcomes("b", [3, 0])])
    assert paired.ranks.tolist() == [[1, 3, 0], [2, 0, 5]]
    assert paired.popular_column == 2
    assert paired.user_index.tolist() == [0, 1]


def test_longer_lists_are_cut_to_the_shortest() -> None:
    paired = pair([make_outcomes("a", [1, 8], list_length=20), make_outcomes("b", [6, 5], list_length=5)])
    assert paired.list_length == 5
    assert paired.ranks[:, :2].tolist() == [[1, 0], [0, 5]]


def test_only_clicks_that_all_had_a_list_for_count() -> None:
    """In the order of the recording."""
    models = [make_outcomes(name, [1, 2, 3, 4]) for name in "abc"]
    paired = pair([without(models[0], 1), models[1], without(models[2], 2)])
    assert paired.clicks["offset"].to_list() == [0, 3]


def test_other_clicks_at_the_same_place_are_another_recording() -> None:
    mine, theirs = make_outcomes("a", [1, 2]), make_outcomes("b", [1, 2], items=["item-0", "other"])
    with pytest.raises(DataError, match="a and b saw different clicks at partition 0, offset 1"):
        pair([mine, theirs])


def test_a_record_has_one_outcome() -> None:
    model = make_outcomes("b", [1, 2])
    twice = ModelOutcomes("b", pl.concat([model.outcomes, model.outcomes.head(1)]), 10)
    with pytest.raises(DataError, match="b has two outcomes of partition 0, offset 0"):
        pair([make_outcomes("a", [1, 2]), twice])


def test_no_click_in_common_is_said() -> None:
    model = make_outcomes("a", [1, 2])
    with pytest.raises(DataError, match="no click for which every model had a list"):
        pair([without(model, 0), without(model, 1)])
