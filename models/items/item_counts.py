"""What a click log says of items without any network: how often, after what, and together with what they are clicked.

Every count may decay with time, so that last week outweighs last year: by half lives as seen from the moment after
which one click in a thousand came. Not from the last click: where whole sessions are kept, a few go on for days after
all the others, and seen from there whatever the others did would be worth next to nothing. What came after that moment
counts whole. A count has the time of the click, or session, that completes it. Unknown items are counted nowhere.

Legend: S sessions, N clicks, V items, M items that are kept of a row.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array, diags_array

from models.sequences.encoded_sessions import UNKNOWN_ITEM, EncodedSessions

# The share of the clicks that come after the moment that decay is seen from.
STRAGGLERS = 1e-3


def item_popularity(
    sessions: EncodedSessions, item_count: int, *, half_life_ms: float | None = None
) -> NDArray[np.float64]:
    """Return how often each item is clicked, (V,).

    Args:
        sessions: The log.
        item_count: V.
        half_life_ms: After which time a click counts half; None: all count alike.
    """
    known = sessions.item_index != UNKNOWN_ITEM
    weights = decay_weights(sessions, sessions.timestamp_ms, half_life_ms)
    counts = np.bincount(sessions.item_index[known], weights=weights[known], minlength=item_count)
    return counts.astype(np.float64)


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
    weights = decay_weights(sessions, sessions.timestamp_ms, half_life_ms)
    session = np.repeat(np.arange(len(sessions)), sessions.lengths)
    counts = csr_array((item_count, item_count), dtype=np.float64)
    for distance in range(1, reach + 1):
        before, after = sessions.item_index[:-distance], sessions.item_index[distance:]
        counted = (session[:-distance] == session[distance:]) & (before != UNKNOWN_ITEM) & (after != UNKNOWN_ITEM)
        added = (weights[distance:][counted] / distance, (before[counted], after[counted]))
        counts += coo_array(added, shape=counts.shape).tocsr()
    return counts


def cooccurrence_counts(sessions: EncodedSessions, item_count: int, *, half_life_ms: float | None = None) -> csr_array:
    """Return how many sessions hold both item i and item j, (V, V); on the diagonal, how many hold the item.

    Args:
        sessions: The log. A session of n items makes n x n counts: cut long histories before.
        item_count: V.
        half_life_ms: After which time, by a session's last click, it counts half; None: all count alike.
    """
    held = session_items(sessions, item_count)
    ended_ms = sessions.timestamp_ms[sessions.first_click[1:] - 1]
    weighted = diags_array(decay_weights(sessions, ended_ms, half_life_ms)) @ held
    return (held.T @ weighted).tocsr()


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


def cosine_similarities(cooccurrence: csr_array, *, shrinkage: float = 0.0) -> csr_array:
    """Return the cosine between items as vectors over sessions, (V, V), without the diagonal.

    Sarwar et al., Item-based Collaborative Filtering Recommendation Algorithms, WWW 2001, section 3.1.1, for clicks
    instead of ratings: C_ij / (sqrt(C_ii C_jj) + shrinkage).

    Args:
        cooccurrence: `cooccurrence_counts` or `nearby_counts`.
        shrinkage: Makes rare items less similar, by chance they are often alike.
    """
    held = cooccurrence.diagonal()
    pairs = cooccurrence.tocoo()
    apart = pairs.row != pairs.col
    row, column = pairs.row[apart], pairs.col[apart]
    cosine = pairs.data[apart] / (np.sqrt(held[row] * held[column]) + shrinkage)
    return coo_array((cosine, (row, column)), shape=cooccurrence.shape).tocsr()


def decay_weights(
    sessions: EncodedSessions, timestamp_ms: NDArray[np.int64], half_life_ms: float | None
) -> NDArray[np.float64]:
    """Return what moments of a log weigh, (N,): half for each half life before the last click that is no straggler."""
    clicked_ms = sessions.timestamp_ms
    if half_life_ms is None or not len(clicked_ms):
        return np.ones(len(timestamp_ms))
    last = len(clicked_ms) - 1 - int(len(clicked_ms) * STRAGGLERS)
    seen_from_ms = np.partition(clicked_ms, last)[last]
    weights: NDArray[np.float64] = np.exp2(np.minimum(timestamp_ms - seen_from_ms, 0) / half_life_ms)
    return weights


@dataclass(frozen=True)
class TopRows:
    """The best entries of each row of a matrix.

    Attributes:
        index: Their columns, best first, (V, M); -1 where a row has fewer.
        value: Their values, (V, M); 0 where there is none.
    """

    index: NDArray[np.int64]
    value: NDArray[np.float32]


def top_rows(matrix: csr_array, length: int) -> TopRows:
    """Keep the M largest stored entries of each row; of equals, those of the lower columns.

    Args:
        matrix: (V, V).
        length: M.
    """
    stored = np.diff(matrix.indptr)
    row = np.repeat(np.arange(len(stored)), stored)
    # A row may hold the whole catalogue: what is below its M-th largest entry is not worth sorting.
    worth = np.flatnonzero(matrix.data >= _mth_largest(matrix, length)[row])
    order = worth[np.lexsort((matrix.indices[worth], -matrix.data[worth], row[worth]))]
    row = row[order]
    place = np.arange(len(row)) - np.searchsorted(row, row)
    kept = place < length
    index = np.full((matrix.shape[0], length), UNKNOWN_ITEM, dtype=np.int64)
    value = np.zeros((matrix.shape[0], length), dtype=np.float32)
    index[row[kept], place[kept]] = matrix.indices[order][kept]
    value[row[kept], place[kept]] = matrix.data[order][kept]
    return TopRows(index, value)


def _mth_largest(matrix: csr_array, length: int) -> NDArray[np.float64]:
    """Return the M-th largest stored entry of each row, (R,); -inf where a row has no more than M."""
    floors = np.full(matrix.shape[0], -np.inf)
    for row in np.flatnonzero(np.diff(matrix.indptr) > length):
        entries = matrix.data[matrix.indptr[row] : matrix.indptr[row + 1]]
        floors[row] = np.partition(entries, -length)[-length]
    return floors
