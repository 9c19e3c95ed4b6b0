"""Step 2: a micro-batch cut so that each user appears at most once per round, order kept.

Legend: N clicks of the batch.
"""

import numpy as np
from numpy.typing import NDArray


def cut_rounds(users: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Cut a micro-batch into rounds.

    Round r holds every user's r-th click of the batch, so that one step advances each user at most once and a user's
    clicks are applied in their order.

    Args:
        users: Whose each click is, in offset order, (N,).

    Returns:
        Positions into `users`, rising within a round; every position occurs exactly once.
    """
    if not len(users):
        return []
    if len(set(users.tolist())) == len(users):
        return [np.arange(len(users))]
    by_user = np.argsort(users, kind="stable")
    _, first, counts = np.unique(users[by_user], return_index=True, return_counts=True)
    turn = np.empty(len(users), dtype=np.int64)
    turn[by_user] = np.arange(len(users)) - np.repeat(first, counts)
    return np.split(np.argsort(turn, kind="stable"), np.cumsum(np.bincount(turn))[:-1])
