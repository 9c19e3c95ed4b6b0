"""How clicks of a log lose weight with time, so that last week outweighs last year.

By half lives as seen from the moment after which one click in a thousand came. Not from the last click: where whole
sessions are kept, a few go on for days after all the others, and seen from there whatever the others did would be worth
next to nothing. What came after that moment counts whole.

Legend: N clicks.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.preparation.click_parts import kth_smallest
from models.sequences.encoded_sessions import EncodedSessions

# The share of the clicks that come after the moment that decay is seen from.
STRAGGLERS = 1e-3


@dataclass(frozen=True)
class ClickDecay:
    """What clicks of one log weigh.

    Attributes:
        half_life_ms: After which time a click counts half; None: all count alike.
        seen_from_ms: The moment from which on clicks count whole.
    """

    half_life_ms: float | None
    seen_from_ms: int

    def weights(self, timestamp_ms: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return what moments weigh, (N,) -> (N,): half for each half life before `seen_from_ms`."""
        if self.half_life_ms is None:
            return np.ones(len(timestamp_ms))
        weights: NDArray[np.float64] = np.exp2(np.minimum(timestamp_ms - self.seen_from_ms, 0) / self.half_life_ms)
        return weights


def click_decay(sessions: EncodedSessions, half_life_ms: float | None) -> ClickDecay:
    """Return the decay of a log's clicks, for which all of them are looked at."""
    clicks = len(sessions.item_index)
    if half_life_ms is None or not clicks:
        return ClickDecay(None, 0)
    last = clicks - 1 - int(clicks * STRAGGLERS)
    return ClickDecay(half_life_ms, kth_smallest(lambda: (piece.timestamp_ms for piece in sessions.pieces()), last))
