from collections.abc import Iterator

import numpy as np
import pytest

from models.errors import DataError
from models.evaluation.protocol import evaluate
from models.evaluation.ranked_predictions import rank_predictions
from models.evaluation.scorer import ScoreBlock
from models.sequences.encoded_sessions import EncodedSessions
from tests.encoded import make_sessions


class RowNumbers:
    """Scores every item by its row, for predictions one at a time and from the last to the first."""

    def __init__(self, item_count: int) -> None:
        self._item_count = item_count

    def score(self, sessions: EncodedSessions) -> Iterator[ScoreBlock]:
        """Score as the class says."""
        predictions = int(np.maximum(sessions.lengths - 1, 0).sum())
        for row in reversed(range(predictions)):
            yield ScoreBlock(np.array([row]), np.arange(self._item_count, dtype=np.float32)[None])


def test_ranks_are_in_the_order_of_the_predictions() -> None:
    """Whatever the order they were scored in: of 4 items the last row is first, and an unknown target is fifth."""
    sessions = make_sessions([0, 3, 1], [2], [1, -1])
    ranked = rank_predictions(RowNumbers(4).score(sessions), sessions)
    assert ranked.ranks.tolist() == [1, 3, 5]
    assert ranked.predictions.session.tolist() == [0, 0, 2]
    assert ranked.item_count == 4


def test_a_list_holds_the_best_twenty_that_may_be_listed() -> None:
    """Of 30 items the last 20 rows; of 3 without the one that was clicked, two, and places that stay empty."""
    sessions = make_sessions([29, 28])
    assert sorted(rank_predictions(RowNumbers(30).score(sessions), sessions).top_item[0]) == list(range(10, 30))
    sessions = make_sessions([2, 1])
    few = rank_predictions(RowNumbers(3).score(sessions), sessions, exclude_last=1)
    assert sorted(few.top_item[0]) == [-1] * 18 + [0, 1]
    assert few.ranks.tolist() == [1]


def test_any_scorer_can_be_evaluated() -> None:
    """Both targets among 2 items: ranks 1 and 2."""
    report = evaluate(RowNumbers(2), make_sessions([0, 1, 0]))
    assert report.metrics["MRR@5"] == pytest.approx((1 + 1 / 2) / 2)
    assert report.metrics["Coverage@20"] == 1.0
    assert (report.predictions, report.sessions) == (2, 1)


def test_nothing_to_predict_is_an_error() -> None:
    with pytest.raises(DataError, match="no session has two clicks"):
        evaluate(RowNumbers(2), make_sessions([1], [0]))
