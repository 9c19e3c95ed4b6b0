"""What every model is to an offline evaluation: something that scores the catalogue before each predicted click.

Legend: P predictions, N of them that are scored together, V items.
"""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from models.sequences.encoded_sessions import EncodedSessions

# Bounds of memory: the rows of one block of scores, and its cells. A cell takes 4 bytes, and some 10 more while it is
# ranked: a quarter of a gigabyte, however large the catalogue.
_PREDICTIONS_AT_ONCE = 2_048
_SCORES_AT_ONCE = 2**24


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


def predictions_at_once(item_count: int) -> int:
    """Return how many predictions over V items may be scored at once."""
    return max(1, min(_PREDICTIONS_AT_ONCE, _SCORES_AT_ONCE // item_count))


def blocks_of_predictions(predictions: int, item_count: int) -> Iterator[NDArray[np.int64]]:
    """Cut so many predictions over V items into runs of rows, (N,) each, that may be scored at once."""
    at_once = predictions_at_once(item_count)
    for begin in range(0, predictions, at_once):
        yield np.arange(begin, min(begin + at_once, predictions))
