import numpy as np
import pytest

from models.evaluation.following_items import following_figures, following_items
from models.evaluation.ranked_predictions import RankedPredictions, rank_predictions
from models.evaluation.scorer import ScoreBlock
from models.sequences.encoded_sessions import enumerate_predictions
from tests.encoded import make_sessions


def make_ranked(lists: list[list[int]], sessions: list[list[int]]) -> RankedPredictions:
    """Lists for the predictions of some sessions, in their order."""
    predictions = enumerate_predictions(make_sessions(*sessions))
    return RankedPredictions(predictions, np.zeros(len(predictions), np.int64), np.array(lists), item_count=9)


def test_what_follows_is_a_set_that_ends_with_the_session() -> None:
    """An item twice is there once; each unknown one counts."""
    sessions = [[0, 1, 2, 1, 3], [4, -1, -1, 5]]
    ranked = make_ranked([[0]] * 7, sessions)
    assert following_items(ranked, make_sessions(*sessions), count=3).tolist() == [
        [1, 2, -2],
        [2, 1, 3],
        [1, 3, -2],
        [3, -2, -2],
        [-1, -1, 5],
        [-1, 5, -2],
        [5, -2, -2],
    ]


def test_figures_by_hand() -> None:
    """Two of three right items in the first and the third place; then one of one in the second place."""
    sessions = [[0, 1, 2, 3], [6, 7]]
    ranked = make_ranked([[1, 8, 3, 5], [8, 2, 3, 5], [3, 8, 1, 5], [8, 7, 1, -1]], sessions)
    figures = following_figures(ranked, make_sessions(*sessions), count=3, cutoffs=(1, 4))
    place = 1 / np.log2(np.arange(2, 6))  # of the first four places
    assert figures == pytest.approx(
        {
            "Recall@1": np.mean([1 / 3, 0, 1, 0]),
            "Recall@4": np.mean([2 / 3, 1, 1, 1]),
            "NDCG@1": np.mean([1, 0, 1, 0]),
            "NDCG@4": np.mean(
                [
                    (place[0] + place[2]) / place[:3].sum(),
                    (place[1] + place[2]) / place[:2].sum(),
                    1,
                    place[1] / place[0],
                ]
            ),
        }
    )


def test_an_empty_place_is_no_hit() -> None:
    """-1 in a list is nothing listed, -1 in a session an item that nobody knows."""
    figures = following_figures(make_ranked([[-1, -1]], [[0, -1]]), make_sessions([0, -1]), cutoffs=(2,))
    assert figures == {"Recall@2": 0.0, "NDCG@2": 0.0}


def test_lists_come_best_first() -> None:
    """The place decides the discount: whoever ranks predictions puts the lists in order."""
    sessions = make_sessions([0, 1, 2])
    scores = np.array([[0.1, 0.3, 0.2, 0.4], [0.4, 0.3, 0.2, 0.1]], np.float32)
    ranked = rank_predictions([ScoreBlock(np.arange(2), scores)], sessions)
    assert ranked.top_item[:, :4].tolist() == [[3, 1, 2, 0], [0, 1, 2, 3]]
