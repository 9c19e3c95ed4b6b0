"""Session-parallel mini-batches.

A batch gives each of R lanes the next piece of its session: at most T clicks. A session that goes on keeps its lane
and its state; where it ends, the lane takes the next session in order and starts from an empty state (Hidasi et al.,
2016, `Session-based recommendations with recurrent neural networks`, figure 2, is the case T = 1). Gradients stop where
a piece begins.

    lane 0   a1 a2 a3 -> a2 a3 a4 | a5    -> a6        | d1 d2 ...
    lane 1   b1       -> b2       | c1 c2 -> c2 c3     | ...

Legend: R rows of a batch (lanes that still have clicks), T clicks of its longest piece, F feature columns.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.sequences.encoded_sessions import EncodedSessions


@dataclass(frozen=True)
class LaneBatch:
    """One piece of a session a row. Rows shorter than T are padded at the end, where `is_click` is false.

    Attributes:
        lane: Whose state each row goes on with, (R,).
        begins_session: The row starts from an empty state, (R,).
        item_index: What was clicked, (R, T).
        features: The clicks' features, (R, T, F).
        target_index: The next click of the session, (R, T).
        is_click: Which cells are clicks and no padding, (R, T). A session that goes on fills its row: the state after
            column T - 1 is the one to carry.
    """

    lane: NDArray[np.int64]
    begins_session: NDArray[np.bool_]
    item_index: NDArray[np.int64]
    features: NDArray[np.float32]
    target_index: NDArray[np.int64]
    is_click: NDArray[np.bool_]


def iterate_lane_batches(
    sessions: EncodedSessions, order: NDArray[np.int64], *, lanes: int, window: int
) -> Iterator[LaneBatch]:
    """Deal sessions to lanes and yield batch after batch until every click but each session's last was an input once.

    Args:
        sessions: Sessions without unknown items.
        order: Which session is dealt when, indices into `sessions`; sessions of one click are skipped.
        lanes: How many sessions are trained in parallel, the largest R.
        window: How many clicks a piece holds, the largest T.
    """
    waiting = iter(order[sessions.lengths[order] > 1])
    # Per lane: the next input click, and the session's last click, which is only a target.
    position = np.zeros(lanes, dtype=np.int64)
    last = np.zeros(lanes, dtype=np.int64)
    while True:
        free = np.flatnonzero(position >= last)
        dealt = np.fromiter((session for _, session in zip(free, waiting, strict=False)), dtype=np.int64)
        begins = free[: len(dealt)]
        position[begins] = sessions.first_click[dealt]
        last[begins] = sessions.first_click[dealt + 1] - 1
        lane = np.flatnonzero(position < last)
        if not lane.size:
            return
        length = np.minimum(last[lane] - position[lane], window)  # (R,)
        yield _cut_batch(sessions, lane, np.isin(lane, begins), position[lane], length)
        position[lane] += length


def _cut_batch(
    sessions: EncodedSessions,
    lane: NDArray[np.int64],
    begins_session: NDArray[np.bool_],
    start: NDArray[np.int64],
    length: NDArray[np.int64],
) -> LaneBatch:
    column = np.arange(length.max())
    is_click = column < length[:, None]  # (R, T)
    # Padding repeats the row's first click: it must be some valid row of the embedding, and no loss reaches it.
    click = start[:, None] + np.where(is_click, column, 0)  # (R, T)
    return LaneBatch(
        lane=lane,
        begins_session=begins_session,
        # Sessions on disk have narrower numbers; embeddings and losses want these.
        item_index=sessions.item_index[click].astype(np.int64, copy=False),
        features=sessions.features[click],
        target_index=sessions.item_index[click + 1].astype(np.int64, copy=False),
        is_click=is_click,
    )
