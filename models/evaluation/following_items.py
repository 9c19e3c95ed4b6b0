"""Figures of lists that are to hold the next few clicks, in any order, and not the next one alone.

What is right for a prediction is the set of items among the next M clicks of its session. Recall@K is the share of
them in the first K places; NDCG@K (Jarvelin and Kekalainen, 2002) discounts each by its place and divides by what the
set at the head of the list would have. An item that the catalogue does not hold is right too, and never found.

Legend: P predictions, M clicks to come, K list length.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.evaluation.ranked_predictions import RankedPredictions
from models.sequences.encoded_sessions import EncodedSessions

FOLLOWING = 5
FOLLOWING_CUTOFFS = (5, 10, 20)
_UNKNOWN, _BEHIND_END = -1, -2


def following_items(
    ranked: RankedPredictions, sessions: EncodedSessions, *, count: int = FOLLOWING
) -> NDArray[np.int64]:
    """Return the items of the next clicks from each predicted one on, (P, M), each once.

    Args:
        ranked: Names the predictions.
        sessions: What was predicted.
        count: M.

    Returns:
        Rows of items; -1 for one that the catalogue does not hold, -2 behind a session's end and where an item stands
        before in its row.
    """
    predictions = ranked.predictions
    position = predictions.position[:, None] + np.arange(count)  # (P, M)
    in_session = position < sessions.lengths[predictions.session][:, None]
    click = sessions.first_click[predictions.session][:, None] + np.where(in_session, position, 0)
    items: NDArray[np.int64] = np.where(in_session, sessions.item_index[click], _BEHIND_END)
    same = items[:, :, None] == items[:, None, :]  # (P, M, M)
    stands_before = np.tril(same, k=-1).any(axis=2) & (items != _UNKNOWN)
    return np.where(stands_before, _BEHIND_END, items)


def following_figures(
    ranked: RankedPredictions,
    sessions: EncodedSessions,
    *,
    count: int = FOLLOWING,
    cutoffs: Sequence[int] = FOLLOWING_CUTOFFS,
) -> dict[str, float]:
    """Return `Recall@5` and so on, `NDCG@5` and so on, of the next M clicks: means over all predictions.

    Args:
        ranked: Any model's lists, best first.
        sessions: What was predicted.
        count: M.
        cutoffs: The K.
    """
    gains = following_gains(ranked, sessions, count=count, cutoffs=cutoffs)
    return {name: float(of_predictions.mean()) for name, of_predictions in gains.items()}


def following_gains(
    ranked: RankedPredictions,
    sessions: EncodedSessions,
    *,
    count: int = FOLLOWING,
    cutoffs: Sequence[int] = FOLLOWING_CUTOFFS,
) -> dict[str, NDArray[np.float64]]:
    """Return what each prediction adds to the figures of `following_figures`, (P,) a figure."""
    items = following_items(ranked, sessions, count=count)
    right = np.count_nonzero(items != _BEHIND_END, axis=1)  # (P,)
    known = np.where(items < 0, _BEHIND_END, items)  # an empty place of a list is -1
    hit = (ranked.top_item[:, :, None] == known[:, None, :]).any(axis=2)  # (P, K)
    discount = 1.0 / np.log2(np.arange(hit.shape[1]) + 2.0)
    ideal = np.cumsum(discount)
    gains = {f"Recall@{cutoff}": hit[:, :cutoff].sum(axis=1) / right for cutoff in cutoffs}
    for cutoff in cutoffs:
        found = (hit[:, :cutoff] * discount[:cutoff]).sum(axis=1)
        gains[f"NDCG@{cutoff}"] = found / ideal[np.minimum(right, cutoff) - 1]
    return gains
