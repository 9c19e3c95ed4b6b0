"""What was clicked before each prediction: the input of every baseline that knows its user.

Legend: P predictions, N of them, V items, C clicks before them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from models.sequences.encoded_sessions import UNKNOWN_ITEM, EncodedSessions, Predictions


@dataclass(frozen=True)
class Histories:
    """The known clicks before N predictions, one after the other, oldest first.

    Attributes:
        row: Before which of the N predictions, (C,).
        item_index: What was clicked, (C,).
        clicks_back: How many clicks before the predicted one, 1 for the last, (C,).
    """

    row: NDArray[np.int64]
    item_index: NDArray[np.int64]
    clicks_back: NDArray[np.int64]


def histories_before(
    sessions: EncodedSessions, predictions: Predictions, rows: NDArray[np.int64], last: int | None = None
) -> Histories:
    """Return what was clicked in the session before each of N predictions.

    Args:
        sessions: The sessions that the predictions were listed from.
        predictions: All of them.
        rows: Which of them, (N,).
        last: How many clicks to look back; None: all.
    """
    length = predictions.position[rows] if last is None else np.minimum(predictions.position[rows], last)  # (N,)
    row = np.repeat(np.arange(len(rows)), length)  # (C,)
    place = np.arange(len(row)) - np.repeat(np.cumsum(length) - length, length)
    clicks_back = length[row] - place
    predicted = sessions.first_click[predictions.session[rows]] + predictions.position[rows]
    item_index = sessions.item_index[predicted[row] - clicks_back]
    known = item_index != UNKNOWN_ITEM
    return Histories(row[known], item_index[known], clicks_back[known])


def history_matrix(
    histories: Histories, shape: tuple[int, int], weights: NDArray[np.floating] | None = None
) -> csr_array:
    """Return the items clicked before each prediction, (N, V).

    Args:
        histories: The clicks.
        shape: N and V.
        weights: Of each click, (C,), added up where an item was clicked twice; None: 1 for an item that was clicked.
    """
    added = np.ones(len(histories.row)) if weights is None else weights
    matrix = coo_array((added, (histories.row, histories.item_index)), shape=shape).tocsr()
    if weights is None:
        matrix.data[:] = 1.0
    return matrix


def unreached_left_out(scores: NDArray[np.float64]) -> NDArray[np.float32]:
    """Turn scores of 0, (N, V), into -inf: no neighbour leads to such an item, so that no list may hold it."""
    left_out: NDArray[np.float32] = np.where(scores > 0, scores, -np.inf).astype(np.float32)
    return left_out
