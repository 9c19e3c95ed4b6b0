"""`user_knn`: what the users with the most similar histories clicked, by cosine of binary vectors.

Resnick et al., GroupLens, CSCW 1994, without ratings; the similarity is the cosine of Breese et al., Empirical Analysis
of Predictive Algorithms for Collaborative Filtering, UAI 1998, section 2.1.2. A user is a session here: where sessions
never end, that is his whole history, otherwise each of his visits is a neighbour of its own.

Legend: N predictions, U training users, V items, K neighbours.
"""

from collections.abc import Iterator

import msgspec
import numpy as np
from scipy.sparse import csr_array

from models.baselines.histories import histories_before, history_matrix, unreached_left_out
from models.baselines.item_knn import neighbour_matrix
from models.bounds import AtLeastOne
from models.evaluation.scorer import ScoreBlock
from models.items.item_counts import session_items
from models.items.item_similarity import top_rows
from models.sequences.encoded_sessions import EncodedSessions, enumerate_predictions

# N x U similarities are in memory at once.
_SIMILARITIES_AT_ONCE = 4 * 1024 * 1024


class UserKNN(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="user_knn"):
    """User-based collaborative filtering.

    Attributes:
        neighbours: K, how many users have a say.
        last_clicks: How far back a history is compared; None: all of it.
        lists_seen: Whether what is in the user's own history may be scored too.
    """

    neighbours: AtLeastOne = 100
    last_clicks: AtLeastOne | None = None
    lists_seen: bool = True

    def fit(self, sessions: EncodedSessions, item_count: int) -> "UserKNNScorer":
        """Keep what the training users clicked."""
        return UserKNNScorer(self, session_items(sessions, item_count)[::-1])


class UserKNNScorer:
    """Scores items by the similarities of the neighbours that clicked them.

    Args:
        config: The settings.
        clicked: What each training user clicked, (U, V), the latest user first: among equals he is the neighbour.
    """

    def __init__(self, config: UserKNN, clicked: csr_array) -> None:
        self._config = config
        self._clicked = clicked
        self._norms = np.sqrt(clicked.sum(axis=1))  # (U,)

    def score(self, sessions: EncodedSessions) -> Iterator[ScoreBlock]:
        """Score the catalogue for everything that `enumerate_predictions` lists."""
        predictions = enumerate_predictions(sessions)
        users, item_count = self._clicked.shape
        step = max(1, _SIMILARITIES_AT_ONCE // max(users, item_count))
        for begin in range(0, len(predictions), step):
            rows = np.arange(begin, min(begin + step, len(predictions)))
            histories = histories_before(sessions, predictions, rows, self._config.last_clicks)
            own = history_matrix(histories, (len(rows), item_count))
            scores = (self._nearest(own) @ self._clicked).toarray()
            if not self._config.lists_seen:
                scores[own.nonzero()] = 0.0
            yield ScoreBlock(rows, unreached_left_out(scores))

    def _nearest(self, own: csr_array) -> csr_array:
        """Return the similarities of the K nearest users to histories (N, V), (N, U)."""
        shared = (own @ self._clicked.T).tocsr()
        norms = np.sqrt(own.sum(axis=1))  # (N,)
        row = np.repeat(np.arange(shared.shape[0]), np.diff(shared.indptr))
        shared.data /= norms[row] * self._norms[shared.indices]
        return neighbour_matrix(top_rows(shared, self._config.neighbours), shared.shape[1])
