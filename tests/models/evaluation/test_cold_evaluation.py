import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from models.errors import DataError
from models.evaluation.cold_evaluation import evaluate_cold_items, expected_recall
from models.evaluation.scorer import ScoreBlock
from models.sequences.encoded_sessions import EncodedSessions
from tests.encoded import make_sessions

# Items 0 to 39 are warm, 40 to 99 cold.
POPULARITY = np.where(np.arange(100) < 40, 5, 0)
CATEGORY = pl.Series("category", ["a" if item % 2 else "b" for item in range(100)])


def oracle(sessions: EncodedSessions) -> ScoreBlock:
    """Puts the next click of every session of two clicks first."""
    scores = np.zeros((len(sessions), 100), np.float32)
    scores[np.arange(len(sessions)), sessions.item_index[1::2]] = 1
    return ScoreBlock(np.arange(len(sessions)), scores)


def test_only_clicks_on_cold_items_are_predicted() -> None:
    """Two of three; by chance 20 of the 60 cold items are listed, and of all 100 those with clicks go first."""
    sessions = make_sessions([0, 50], [1, 2], [3, 51])
    report = evaluate_cold_items("oracle", [oracle(sessions)], sessions, POPULARITY, CATEGORY)
    assert (report.cold_items, report.items, report.predictions) == (60, 100, 2)
    assert report.among_cold["oracle"] == report.among_all["oracle"] == 1
    assert report.among_cold["chance"] == pytest.approx(20 / 60)
    assert report.among_all["chance"] == pytest.approx(20 / 100)


def test_live_popularity_counts_what_came_strictly_before() -> None:
    """Item 50 is clicked for the first time, then again and again: chance at first, then the only one with a click."""
    sessions = make_sessions([0, 50], [1, 50], [2, 50])
    report = evaluate_cold_items("oracle", [oracle(sessions)], sessions, POPULARITY, CATEGORY)
    assert report.among_cold["live popularity"] == pytest.approx((20 / 60 + 1 + 1) / 3)
    assert report.among_all["live popularity"] == 0


def test_a_categorys_popularity_is_that_of_its_training_items() -> None:
    """`a` is clicked more: its 30 cold items share 20 places, and there is none for `b`."""
    sessions = make_sessions([0, 51], [1, 50])
    popularity = np.where((np.arange(100) % 2 == 1) & (POPULARITY > 0), 9, POPULARITY)
    report = evaluate_cold_items("oracle", [oracle(sessions)], sessions, popularity, CATEGORY)
    assert report.among_cold["category popularity"] == pytest.approx((20 / 30 + 0) / 2)


def test_what_was_seen_is_not_listed() -> None:
    """A session that comes back to its cold item has lost it."""
    sessions = make_sessions([50, 50], [0, 51])
    report = evaluate_cold_items("oracle", [oracle(sessions)], sessions, POPULARITY, CATEGORY, exclude_last=5)
    assert report.among_cold["oracle"] == 0.5


def test_ties_are_broken_by_chance() -> None:
    """Nineteen are better: the four that are equal share one place."""
    scores = np.concatenate([np.full(19, 2.0), np.full(4, 1.0), np.zeros(7), [-np.inf]]).astype(np.float32)
    recall = expected_recall(np.tile(scores, (4, 1)), np.array([3, 20, 25, 30]))
    assert recall.tolist() == [1, 0.25, 0, 0]


def test_a_bias_of_the_moment_is_added_to_the_models_scores() -> None:
    """That of the click before: the age alone puts the clicked item first, and the model loses nothing by it."""
    sessions = make_sessions([0, 50], [1, 51])

    def bias_at(now_ms: NDArray[np.int64]) -> NDArray[np.float32]:
        return np.where(np.arange(100) == (now_ms[:, None] // 2_000) + 50, 9, 0).astype(np.float32)

    report = evaluate_cold_items("oracle", [oracle(sessions)], sessions, POPULARITY, CATEGORY, bias_at=bias_at)
    assert report.among_all["age"] == report.among_all["oracle and age"] == 1


def test_no_cold_click_is_said() -> None:
    """There would be nothing to divide by."""
    sessions = make_sessions([0, 1])
    with pytest.raises(DataError, match=r"No test click .* is on a cold item"):
        evaluate_cold_items("oracle", [oracle(sessions)], sessions, POPULARITY, CATEGORY)
