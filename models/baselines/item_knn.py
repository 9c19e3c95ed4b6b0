"""`item_knn`: items often seen in one session with what was clicked, by cosine, the last clicks first.

Sarwar et al., Item-based Collaborative Filtering Recommendation Algorithms, WWW 2001, section 3.2.1: a weighted sum
over the neighbours of the clicked items. Sessions are in order, so a click weighs less with every click after it.

Legend: N predictions, V items, M neighbours of an item, R rows.
"""

from collections.abc import Iterator

import msgspec
import numpy as np
from scipy.sparse import coo_array, csr_array

from models.baselines.histories import histories_before, history_matrix, unreached_left_out
from models.bounds import AtLeastOne, NotNegative, Positive
from models.evaluation.scorer import ScoreBlock, blocks_of_predictions
from models.items.item_counts import cooccurrence_counts
from models.items.item_similarity import TopRows, most_similar
from models.preparation.timestamps import MS_PER_HOUR
from models.sequences.encoded_sessions import UNKNOWN_ITEM, EncodedSessions, enumerate_predictions


class ItemKNN(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="item_knn"):
    """Cosine item-to-item collaborative filtering.

    Attributes:
        neighbours: M, how many items a click leads to.
        click_decay: What a click weighs against the one after it.
        shrinkage: Added to the cosine's denominator: rare items are alike by chance.
        half_life_hours: After which time a training session counts half; None: all count alike.
    """

    neighbours: AtLeastOne = 200
    click_decay: Positive = 0.5
    shrinkage: NotNegative = 10.0
    half_life_hours: Positive | None = None

    def fit(self, sessions: EncodedSessions, item_count: int) -> "ItemKNNScorer":
        """Find the neighbours of V items by training sessions."""
        half_life_ms = None if self.half_life_hours is None else self.half_life_hours * MS_PER_HOUR
        counts = cooccurrence_counts(sessions, item_count, half_life_ms=half_life_ms)
        similar = most_similar(counts, self.neighbours, shrinkage=self.shrinkage)
        return ItemKNNScorer(neighbour_matrix(similar, item_count), self.click_decay)


class ItemKNNScorer:
    """Scores items by how similar they are to what was clicked.

    Args:
        similar: The neighbours of each item, (V, V).
        click_decay: What a click weighs against the one after it.
    """

    def __init__(self, similar: csr_array, click_decay: float) -> None:
        self._similar = similar
        self._click_decay = click_decay

    def score(self, sessions: EncodedSessions) -> Iterator[ScoreBlock]:
        """Score the catalogue for everything that `enumerate_predictions` lists."""
        predictions = enumerate_predictions(sessions)
        for rows in blocks_of_predictions(len(predictions), self._similar.shape[1]):
            histories = histories_before(sessions, predictions, rows)
            weights = self._click_decay ** (histories.clicks_back - 1.0)
            clicked = history_matrix(histories, (len(rows), self._similar.shape[0]), weights)
            yield ScoreBlock(rows, unreached_left_out((clicked @ self._similar).toarray()))


def neighbour_matrix(neighbours: TopRows, columns: int) -> csr_array:
    """Return the kept entries of each row as a matrix again, (R, columns)."""
    row, place = np.nonzero(neighbours.index != UNKNOWN_ITEM)
    values = neighbours.value[row, place].astype(np.float64)
    shape = (len(neighbours.index), columns)
    return coo_array((values, (row, neighbours.index[row, place])), shape=shape).tocsr()
