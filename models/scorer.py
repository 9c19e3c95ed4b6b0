"""What every model is to an offline evaluation: something that scores the catalogue before each predicted click.

Legend: P predictions, N of them that are scored together, V items.
"""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from models.encoded_sessions import EncodedSessions

# Bound of memory: the rows of one block of scores.
PREDICTIONS_AT_ONCE = 2_048


class ScoreBlock(NamedTuple):
    """Scores for some of the predictions.

    Attributes:
        rows: Which of the predictions, (N,).
        scores: Of every item, (N, V); higher is better. Whoever takes the block may write into them.
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]


class Scorer(Protocol):
    """A model that offline evaluation can rank with: a network, counts, neighbours."""

    def score(self, sessions: EncodedSessions) -> Iterator[ScoreBlock]:
        """Score the catalogue for what `enumerate_predictions` lists, each prediction once, in any order.

        A prediction is scored from the clicks of its session before it, and from nothing else of `sessions`.
        """
        ...


def blocks_of_predictions(predictions: int) -> Iterator[NDArray[np.int64]]:
    """Cut so many predictions into runs of rows, (N,) each, that may be scored at once."""
    for begin in range(0, predictions, PREDICTIONS_AT_ONCE):
        yield np.arange(begin, min(begin + PREDICTIONS_AT_ONCE, predictions))
