import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from models.evaluation.metrics import (
    RankingTally,
    catalogue_coverage,
    figures_of,
    ranks_from_lists,
    ranks_from_scores,
    top_items,
)


def test_the_best_scored_item_has_rank_one_and_the_worst_rank_v() -> None:
    """Ranks count from 1 by falling score."""
    scores = np.array([[0.9, 0.5, 0.1]] * 3)
    assert ranks_from_scores(scores, np.array([0, 1, 2])).tolist() == [1, 2, 3]


def test_among_equal_scores_the_target_comes_last() -> None:
    """A network that scores everything alike ranks every target last."""
    scores = np.array([[1.0, 1.0, 1.0, 1.0], [2.0, 1.0, 1.0, 0.0]])
    assert ranks_from_scores(scores, np.array([0, 1])).tolist() == [4, 3]


def test_a_target_that_may_not_be_listed_is_last() -> None:
    """Items left out score -inf; a target among them cannot be found."""
    assert ranks_from_scores(np.array([[-np.inf, 1.0, -np.inf]]), np.array([0])).tolist() == [3]


def test_an_unknown_target_ranks_behind_the_whole_catalogue() -> None:
    """An item that the catalogue does not hold counts as a miss at every cutoff."""
    assert ranks_from_scores(np.array([[3.0, 2.0]]), np.array([-1])).tolist() == [3]


def test_a_score_that_is_not_a_number_never_helps_the_target() -> None:
    """NaN counts as better than the target, and a target of NaN is last."""
    scores = np.array([[np.nan, 2.0, 1.0], [np.nan, 2.0, 1.0]])
    assert ranks_from_scores(scores, np.array([1, 0])).tolist() == [2, 3]


def test_a_list_gives_the_position() -> None:
    """A target's rank in a list without ties is its place; a missing one ranks behind the list."""
    items, scores = np.array([["a", "b", "c"]] * 3), np.array([[3.0, 2.0, 1.0]] * 3)
    assert ranks_from_lists(items, scores, np.array(["a", "c", "x"])).tolist() == [1, 3, 4]


def test_equal_scores_within_a_list_count_against_the_target() -> None:
    """The first of two equal items takes the later place."""
    assert ranks_from_lists(np.array([[7, 8, 9]]), np.array([[2.0, 2.0, 1.0]]), np.array([7])).tolist() == [2]


def test_the_padding_of_a_short_list_is_no_recommendation() -> None:
    """An item at -inf fills the list up; it was not recommended."""
    assert ranks_from_lists(np.array([[7, 8]]), np.array([[2.0, -np.inf]]), np.array([8])).tolist() == [3]


@given(
    arrays.arrays(np.float32, (5, 12), elements=st.integers(-3, 3).map(float)),
    arrays.arrays(np.int64, 5, elements=st.integers(0, 11)),
)
def test_a_list_of_the_whole_catalogue_ranks_like_its_scores(scores: np.ndarray, target: np.ndarray) -> None:
    """Whatever the ties, the two ways to a rank agree where the list leaves nothing out."""
    top = np.argsort(-scores, axis=1, kind="stable")
    from_list = ranks_from_lists(top, np.take_along_axis(scores, top, axis=1), target)
    assert from_list.tolist() == ranks_from_scores(scores, target).tolist()


def test_figures_of_known_ranks() -> None:
    """Ranks 1, 4 and 30: two hits at 5, reciprocal ranks 1 and 1/4, gains 1 and 1/log2(5)."""
    figures = figures_of(np.array([1, 4, 30]))
    assert figures["Recall@1"] == pytest.approx(1 / 3)
    assert figures["Recall@5"] == pytest.approx(2 / 3)
    assert figures["MRR@5"] == pytest.approx((1 + 1 / 4) / 3)
    assert figures["NDCG@5"] == pytest.approx((1 + 0.430677) / 3, abs=1e-6)
    assert figures["Recall@20"] == pytest.approx(2 / 3)


def test_a_tally_gives_the_same_figures_in_any_number_of_parts() -> None:
    """The demo reads its figures while they grow; in the end they are those of all ranks together, in any order."""
    tally = RankingTally()
    assert tally.figures() == {}
    for rank in (1, 2, 3, 21):
        tally.add(np.array([rank]))
    assert tally.predictions == 4
    assert tally.figures() == figures_of(np.array([21, 3, 1, 2]))
    assert tally.figures()["MRR@20"] == pytest.approx((1 + 1 / 2 + 1 / 3) / 4)


def test_coverage_is_the_share_that_was_listed() -> None:
    """Three of four items were in some list."""
    assert catalogue_coverage(np.array([True, True, False, True])) == 0.75


def test_top_items_are_the_best_and_no_more_than_there_are() -> None:
    """The two best of three; all three where five are asked for."""
    scores = np.array([[0.3, 0.9, 0.5]])
    assert sorted(top_items(scores, 2)[0].tolist()) == [1, 2]
    assert sorted(top_items(scores, 5)[0].tolist()) == [0, 1, 2]
