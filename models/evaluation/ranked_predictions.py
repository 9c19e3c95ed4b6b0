"""From scores to ranks and lists, one a prediction: what every figure of an offline evaluation is computed from.

Legend: P predictions, N of them in a block, V items, K list length, R clicks to look back.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import DataError
from models.evaluation.metrics import CUTOFFS, ranks_from_scores, top_items
from models.evaluation.scorer import ScoreBlock
from models.sequences.encoded_sessions import (
    UNKNOWN_ITEM,
    EncodedSessions,
    Predictions,
    enumerate_predictions,
    last_items,
)

LIST_LENGTH = max(CUTOFFS)


@dataclass(frozen=True)
class RankedPredictions:
    """What a model made of every prediction, in the order of `enumerate_predictions`: two models' can be paired.

    Attributes:
        predictions: What was predicted.
        ranks: Of the targets, from 1, (P,); see `models.evaluation.metrics.ranks_from_scores`.
        top_item: The K = 20 best items of each, best first, (P, K); -1 where fewer may be listed.
        item_count: V.
    """

    predictions: Predictions
    ranks: NDArray[np.int64]
    top_item: NDArray[np.int64]
    item_count: int


def rank_predictions(
    blocks: Iterable[ScoreBlock], sessions: EncodedSessions, *, exclude_last: int = 0
) -> RankedPredictions:
    """Rank the target of every prediction within the whole catalogue.

    Args:
        blocks: What `Scorer.score` yields for these sessions; its scores are written into.
        sessions: What is predicted.
        exclude_last: How many of a user's last clicks may not be listed again (the seen filter); 0 lists them all.

    Raises:
        DataError: If no session has two clicks.
    """
    predictions = enumerate_predictions(sessions)
    if not len(predictions):
        raise DataError("There is nothing to evaluate on: no session has two clicks. Test on a longer period.")
    ranks = np.zeros(len(predictions), dtype=np.int64)
    top_item = np.full((len(predictions), LIST_LENGTH), UNKNOWN_ITEM)
    item_count = 0
    for rows, scores in blocks:
        leave_out(scores, last_items(sessions, predictions, rows, exclude_last))
        ranks[rows] = ranks_from_scores(scores, predictions.target_index[rows])
        top = top_items(scores, LIST_LENGTH)
        top_score = np.take_along_axis(scores, top, axis=1)
        listed = np.where(top_score > -np.inf, top, UNKNOWN_ITEM)
        best_first = np.argsort(-top_score, axis=1, kind="stable")
        top_item[rows, : top.shape[1]] = np.take_along_axis(listed, best_first, axis=1)
        item_count = scores.shape[1]
    return RankedPredictions(predictions, ranks, top_item, item_count)


def leave_out(scores: NDArray[np.float32], excluded: NDArray[np.int64]) -> None:
    """Mask items, (N, R) padded with -1, in scores, (N, V), before anything is ranked."""
    row, column = np.nonzero(excluded != UNKNOWN_ITEM)
    scores[row, excluded[row, column]] = -np.inf
