"""What is added to a few items' scores of each user before the best are taken.

Legend: B users, A boosts of a user.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Boosts(NamedTuple):
    """Sparse additions to scores.

    Attributes:
        item_index: int64 (B, A), padded with -1; one that occurs twice is added to twice.
        value: Finite, float32 (B, A); of no account beside -1.
    """

    item_index: NDArray[np.int64]
    value: NDArray[np.float32]


def no_boosts(batch_size: int, boost_length: int) -> Boosts:
    """Return boosts that change nothing."""
    shape = (batch_size, boost_length)
    return Boosts(np.full(shape, -1, dtype=np.int64), np.zeros(shape, dtype=np.float32))
