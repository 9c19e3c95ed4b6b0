"""What a click log says of items without any network: how often, after what, and together with what they are clicked.

Every count may decay with time, see `models.items.click_decay`; it has the time of the click, or session, that
completes it. Unknown items are counted nowhere. Sessions are gone through in pieces, on disk the same as in memory, so
that sums have one order. What is held is a piece, and the counts: of pairs those that occur.

Legend: S sessions, N clicks, V items.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array, diags_array

from models.items.click_decay import ClickDecay, click_decay
from models.sequences.encoded_sessions import UNKNOWN_ITEM, EncodedSessions


def item_popularity(
    sessions: EncodedSessions, item_count: int, *, half_life_ms: float | None = None
) -> NDArray[np.float64]:
    """Return how often each item is clicked, (V,).

    Args:
        sessions: The log.
        item_count: V.
        half_life_ms: After which time a click counts half; None: all count alike.
    """
    decay = click_decay(sessions, half_life_ms)
    counts = np.zeros(item_count)
    for piece in sessions.pieces():
        known = piece.item_index != UNKNOWN_ITEM
        np.add.at(counts, piece.item_index[known].astype(np.intp), decay.weights(piece.timestamp_ms[known]))
    return counts


def transition_counts(
    sessions: EncodedSessions, item_count: int, *, half_life_ms: float | None = None, reach: int = 1
) -> csr_array:
    """Return how often item j is clicked after item i in a session, (V, V).

    Args:
        sessions: The log.
        item_count: V.
        half_life_ms: After which time a count is half; None: all count alike.
        reach: How many clicks later still counts: d clicks later adds 1 / d. With 1 it is a first-order Markov chain,
            with more the sequential rules of Ludewig and Jannach, Evaluation of Session-based Recommendation
            Algorithms, UMUAI 28, 2018, section 3.1.
    """
    decay = click_decay(sessions, half_life_ms)
    counts = csr_array((item_count, item_count), dtype=np.float64)
    for piece in sessions.pieces():
        for distance in range(1, reach + 1):
            counts += _transitions(piece, distance, decay, item_count)
    return counts


def _transitions(piece: EncodedSessions, distance: int, decay: ClickDecay, item_count: int) -> csr_array:
    """Return what is added by clicks so many places behind another one of their session, (V, V)."""
    session = np.repeat(np.arange(len(piece)), piece.lengths)
    before, after = piece.item_index[:-distance], piece.item_index[distance:]
    counted = (session[:-distance] == session[distance:]) & (before != UNKNOWN_ITEM) & (after != UNKNOWN_ITEM)
    weights = decay.weights(piece.timestamp_ms[distance:][counted]) / distance
    return coo_array((weights, (before[counted], after[counted])), shape=(item_count, item_count)).tocsr()


def cooccurrence_counts(sessions: EncodedSessions, item_count: int, *, half_life_ms: float | None = None) -> csr_array:
    """Return how many sessions hold both item i and item j, (V, V); on the diagonal, how many hold the item.

    Args:
        sessions: The log. A session of n items makes n x n counts: cut long histories before.
        item_count: V.
        half_life_ms: After which time, by a session's last click, it counts half; None: all count alike.
    """
    decay = click_decay(sessions, half_life_ms)
    counts = csr_array((item_count, item_count), dtype=np.float64)
    for piece in sessions.pieces():
        held = session_items(piece, item_count)
        ended_ms = piece.timestamp_ms[piece.first_click[1:] - 1]
        counts += (held.T @ (diags_array(decay.weights(ended_ms)) @ held)).tocsr()
    return counts


def nearby_counts(
    sessions: EncodedSessions,
    item_count: int,
    *,
    reach: int,
    backward_weight: float,
    half_life_ms: float | None = None,
) -> csr_array:
    """Return how often items i and j are clicked near each other, (V, V); on the diagonal, how often the item is.

    As `cooccurrence_counts`, but by how near the clicks are, and in which order.

    Args:
        sessions: The log.
        item_count: V.
        reach: How many clicks later j still counts; d clicks later adds 1 / d, see `transition_counts`.
        backward_weight: What j before i counts against j after i; 1 is the same in both directions.
        half_life_ms: After which time a count is half; None: all count alike.
    """
    after = transition_counts(sessions, item_count, half_life_ms=half_life_ms, reach=reach)
    # An item clicked again is not near another one.
    after = after - diags_array(after.diagonal())
    clicks = item_popularity(sessions, item_count, half_life_ms=half_life_ms)
    return (after + backward_weight * after.T + diags_array(clicks)).tocsr()


def session_items(sessions: EncodedSessions, item_count: int) -> csr_array:
    """Return which items each session holds, (S, V): 1 or nothing."""
    session = np.repeat(np.arange(len(sessions)), sessions.lengths)
    known = sessions.item_index != UNKNOWN_ITEM
    held = coo_array(
        (np.ones(np.count_nonzero(known)), (session[known], sessions.item_index[known])),
        shape=(len(sessions), item_count),
    ).tocsr()
    held.data[:] = 1.0
    return held
