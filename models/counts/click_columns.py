"""A click log as columns to count from.

Legend: N clicks.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ClickColumns:
    """Clicks in order of time, each (N,).

    Attributes:
        user: A number a user.
        session: A number a session; a session has one user.
        item: What was clicked; -1 where the vocabulary does not hold it: it is counted nowhere and leads to nothing.
        timestamp_ms: When.
    """

    user: NDArray[np.int64]
    session: NDArray[np.int64]
    item: NDArray[np.int64]
    timestamp_ms: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.item)

    def known(self) -> "ClickColumns":
        """Return the clicks of known items."""
        rows = self.item >= 0
        return ClickColumns(self.user[rows], self.session[rows], self.item[rows], self.timestamp_ms[rows])
