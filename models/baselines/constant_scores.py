"""The same list for everybody, whatever they clicked."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from models.evaluation.scorer import ScoreBlock, blocks_of_predictions
from models.sequences.encoded_sessions import EncodedSessions, enumerate_predictions


class ConstantScorer:
    """Gives every prediction the same scores.

    Args:
        scores: Of every item, (V,).
    """

    def __init__(self, scores: NDArray[np.float64]) -> None:
        self._scores = scores.astype(np.float32)

    def score(self, sessions: EncodedSessions) -> Iterator[ScoreBlock]:
        """Score the catalogue for everything that `enumerate_predictions` lists."""
        for rows in blocks_of_predictions(len(enumerate_predictions(sessions)), len(self._scores)):
            yield ScoreBlock(rows, np.tile(self._scores, (len(rows), 1)))
