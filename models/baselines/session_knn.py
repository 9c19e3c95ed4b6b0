"""`session_knn`: what the most similar recent sessions clicked, VMIS-kNN.

Kersbergen, Sprangers and Schelter, Serenade: Low-Latency Session-Based Recommendation in e-Commerce at Scale, SIGMOD
2022, section 3 (after VS-kNN: Ludewig and Jannach, UMUAI 28, 2018, section 3.2). For a session of L clicks, d being how
many clicks back one lies:

1. Of every item clicked, its last click counts, with the weight pi(d) = (L - d + 1) / L.
2. Candidates are the m most recent training sessions that share an item; a posting list of m sessions an item suffices.
3. A candidate's similarity r is the sum of pi over the items that it shares; the k most similar are neighbours.
4. An item's score is the sum of lambda(d) r over the neighbours that hold it, where d is of the last click that
   the neighbour shares, and lambda(d) = 1 - d / 10, at least 0; times idf = log(S / sessions that hold the item).

Of equals, the session that ended last is nearer: the same sessions give the same lists.

Legend: N predictions, S training sessions, V items, m candidates, k neighbours.
"""

from collections.abc import Iterator
from itertools import pairwise

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from models.baselines.histories import Histories, histories_before, unreached_left_out
from models.bounds import AtLeastOne
from models.evaluation.scorer import ScoreBlock, blocks_of_predictions
from models.items.item_counts import session_items
from models.sequences.encoded_sessions import EncodedSessions, enumerate_predictions

_CLICKS_THAT_MATCH = 10


class SessionKNN(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="session_knn"):
    """VMIS-kNN.

    Attributes:
        recent_sessions: m.
        neighbours: k.
        last_clicks: How far back a session is compared.
        idf: Whether rare items score higher.
        lists_last_click: Whether the last click may be scored again; not in the paper.
    """

    recent_sessions: AtLeastOne = 500
    neighbours: AtLeastOne = 100
    last_clicks: AtLeastOne = 20
    idf: bool = True
    lists_last_click: bool = False

    def fit(self, sessions: EncodedSessions, item_count: int) -> "SessionKNNScorer":
        """Index training sessions by their items."""
        ended_ms = sessions.timestamp_ms[sessions.first_click[1:] - 1]
        oldest_first = np.argsort(ended_ms, kind="stable")
        return SessionKNNScorer(self, session_items(sessions, item_count)[oldest_first])


class SessionKNNScorer:
    """Scores items by the similarities of the recent sessions that hold them.

    Args:
        config: The settings.
        held: Which items each training session holds, (S, V), the latest session last.
    """

    def __init__(self, config: SessionKNN, held: csr_array) -> None:
        self._config = config
        self._held = held
        # Of each item, the sessions that hold it, ascending: the most recent ones are at the end.
        self._sessions_of = held.T.tocsr()
        self._sessions_of.sort_indices()
        sessions_an_item = np.diff(self._sessions_of.indptr)
        self._item_weight = np.log(held.shape[0] / np.maximum(sessions_an_item, 1)) if config.idf else None

    def score(self, sessions: EncodedSessions) -> Iterator[ScoreBlock]:
        """Score the catalogue for everything that `enumerate_predictions` lists."""
        predictions = enumerate_predictions(sessions)
        for rows in blocks_of_predictions(len(predictions), self._held.shape[1]):
            histories = histories_before(sessions, predictions, rows, self._config.last_clicks)
            scores = (self._neighbour_weights(histories, len(rows)) @ self._held).toarray()
            if self._item_weight is not None:
                scores *= self._item_weight
            if not self._config.lists_last_click:
                last = histories.clicks_back == 1
                scores[histories.row[last], histories.item_index[last]] = 0.0
            yield ScoreBlock(rows, unreached_left_out(scores))

    def _neighbour_weights(self, histories: Histories, count: int) -> csr_array:
        """Return lambda(d) r of each prediction's neighbours, (N, S)."""
        ends = np.searchsorted(histories.row, np.arange(count + 1))
        found = [
            self._neighbours(histories.item_index[begin:end], histories.clicks_back[begin:end])
            for begin, end in pairwise(ends)
        ]
        indptr = np.cumsum([0, *(len(session) for session, _ in found)])
        indices = np.concatenate([session for session, _ in found])
        data = np.concatenate([weight for _, weight in found])
        return csr_array((data, indices, indptr), shape=(count, self._held.shape[0]))

    def _neighbours(
        self, item_index: NDArray[np.int64], clicks_back: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the neighbours of one history, oldest click first, and lambda(d) r of each."""
        if not len(item_index):
            return np.zeros(0, dtype=np.int64), np.zeros(0)
        # The last click of each item, newest first.
        _, newest = np.unique(item_index[::-1], return_index=True)
        newest.sort()
        items, back = item_index[::-1][newest], clicks_back[::-1][newest]
        postings = [self._recent_sessions(item) for item in items]
        lengths = [len(posting) for posting in postings]
        length = clicks_back.max()
        pi = np.repeat((length - back + 1) / length, lengths)
        session, first, inverse = np.unique(np.concatenate(postings), return_index=True, return_inverse=True)
        similarity = np.bincount(inverse, weights=pi).astype(np.float64)
        # Newest first, so that a session's first place is that of the last click that it shares.
        match = 1 - np.repeat(back, lengths)[first] / _CLICKS_THAT_MATCH
        recent = slice(max(0, len(session) - self._config.recent_sessions), None)
        nearest = np.lexsort((session[recent], similarity[recent]))[-self._config.neighbours :]
        weight: NDArray[np.float64] = similarity[recent][nearest] * np.maximum(match[recent][nearest], 0.0)
        return session[recent][nearest], weight

    def _recent_sessions(self, item: int) -> NDArray[np.int64]:
        begin, end = self._sessions_of.indptr[item : item + 2]
        sessions: NDArray[np.int64] = self._sessions_of.indices[max(begin, end - self._config.recent_sessions) : end]
        return sessions
