"""Sessions as arrays: what training and evaluation step through.

Legend: N clicks, S sessions, F feature columns, P predictions (every click of a session from `first_predicted` on).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.preparation.sessions import session_gap_ms, values_of
from models.sequences.features import Feature, encode_features
from models.sequences.vocabulary import ItemVocabulary

# Bound of memory: clicks of one piece, where sessions are gone through in pieces.
CLICKS_IN_PIECE = 1_000_000
# The item_index of an item that the vocabulary does not hold. Such a click leaves the state as it is, and such a
# target is never found: it counts as a miss.
UNKNOWN_ITEM = -1


@dataclass(frozen=True)
class EncodedSessions:
    """Sessions one after the other, in order of their first clicks.

    Attributes:
        session_ids: Their ids, (S,).
        first_click: Where each session begins, and N at the end, (S + 1,).
        item_index: What was clicked, (N,), 32 bits of it on disk; `UNKNOWN_ITEM` where the vocabulary does not hold it.
        timestamp_ms: When, milliseconds since 1970, (N,).
        features: The clicks' features, (N, F); F may be 0.
        value: The clicks' ratings, dwell times and the like, (N,), NaN where a click has none; None where none has.
        first_predicted: The position in each session from which on clicks are predicted, (S,), at least 1: those before
            it are history, stepped through and not scored. None: 1 everywhere.
        folder: Where the files lie that the arrays are mapped from; None: they are in memory.
    """

    session_ids: Sequence[str]
    first_click: NDArray[np.int64]
    item_index: NDArray[np.int64]
    timestamp_ms: NDArray[np.int64]
    features: NDArray[np.float32]
    value: NDArray[np.float32] | None = None
    first_predicted: NDArray[np.int64] | None = None
    folder: Path | None = None

    def __len__(self) -> int:
        return len(self.session_ids)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Clicks of each session, (S,)."""
        return np.diff(self.first_click)

    @property
    def prediction_count(self) -> int:
        """P, without enumerating them."""
        first_predicted = 1 if self.first_predicted is None else self.first_predicted
        return int(np.maximum(self.lengths - first_predicted, 0).sum())

    def pieces(self, clicks: int = CLICKS_IN_PIECE) -> Iterator["EncodedSessions"]:
        """Yield runs of whole sessions of about so many clicks each; what is no longer than that is one piece.

        Whatever sums over clicks goes through these, in memory too: sums in floating point are then the same.
        """
        if len(self.item_index) <= clicks:
            yield self
            return
        begin = 0
        while begin < len(self):
            end = int(np.searchsorted(self.first_click, self.first_click[begin] + clicks, side="right")) - 1
            end = max(end, begin + 1)
            yield self._run(begin, end)
            begin = end

    def _run(self, begin: int, end: int) -> "EncodedSessions":
        """Return the sessions from one to before another; nothing is copied but where they begin."""
        first, behind = int(self.first_click[begin]), int(self.first_click[end])
        return EncodedSessions(
            session_ids=self.session_ids[begin:end],
            first_click=self.first_click[begin : end + 1] - first,
            item_index=self.item_index[first:behind],
            timestamp_ms=self.timestamp_ms[first:behind],
            features=self.features[first:behind],
            value=None if self.value is None else self.value[first:behind],
            first_predicted=None if self.first_predicted is None else self.first_predicted[begin:end],
            folder=self.folder,
        )


@dataclass(frozen=True)
class Predictions:
    """The protocol's enumeration: every click of a session but its history, given the clicks before it.

    Without history that is every click but the first.

    In the order of the sessions, and within one in the order of its clicks: two evaluators that follow it can be
    compared list by list.

    Attributes:
        session: Whose click is predicted, an index into the sessions, (P,).
        position: Which of the session's clicks, at least 1, (P,).
        target_index: The item that was clicked, (P,); `UNKNOWN_ITEM` where the vocabulary does not hold it.
    """

    session: NDArray[np.int64]
    position: NDArray[np.int64]
    target_index: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.session)

    def within(self, block: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Find the predictions of B sessions, (B,), for an evaluator that steps through these side by side.

        Returns:
            Which of the B sessions each prediction belongs to, 0 to B - 1, (N,); and which prediction it is, (N,).
        """
        first = np.searchsorted(self.session, block)  # (B,)
        count = np.searchsorted(self.session, block, side="right") - first
        row = np.repeat(np.arange(len(block)), count)  # (N,)
        before_row = np.cumsum(count) - count
        return row, first[row] + np.arange(len(row)) - before_row[row]


def enumerate_predictions(sessions: EncodedSessions) -> Predictions:
    """List what an evaluation predicts."""
    clicks = np.arange(len(sessions.item_index))
    session = np.repeat(np.arange(len(sessions)), sessions.lengths)
    position = clicks - sessions.first_click[session]
    first_predicted = 1 if sessions.first_predicted is None else sessions.first_predicted[session]
    predicted = position >= first_predicted
    # Sessions on disk have narrower numbers.
    target = sessions.item_index[predicted].astype(np.int64, copy=False)
    return Predictions(session[predicted], position[predicted], target)


def last_items(
    sessions: EncodedSessions, predictions: Predictions, rows: NDArray[np.int64], length: int
) -> NDArray[np.int64]:
    """Return what the session clicked last before each of N predictions: what the seen filter leaves out.

    Args:
        sessions: The sessions that the predictions were listed from.
        predictions: All of them.
        rows: Which of them, (N,).
        length: R, how many clicks to look back.

    Returns:
        Items, newest first, (N, R), padded with -1 like `exclude_index`; an unknown item is -1 too.
    """
    position = predictions.position[rows][:, None]  # (N, 1)
    before = position - np.arange(1, length + 1)  # (N, R)
    click = sessions.first_click[predictions.session[rows]][:, None] + np.maximum(before, 0)
    return np.where(before >= 0, sessions.item_index[click], UNKNOWN_ITEM)


def encode_sessions(
    clicks: pl.DataFrame,
    vocabulary: ItemVocabulary,
    features: Sequence[Feature],
    *,
    history: pl.DataFrame | None = None,
) -> EncodedSessions:
    """Turn a click table in order of time into sessions of rows.

    Args:
        clicks: The columns of `prepared_data.CLICK_SCHEMA`, in order of time.
        vocabulary: The items and their rows.
        features: The model's features, in the order of their columns.
        history: Earlier clicks (`PreparedData.test_history`): those of the sessions that `clicks` go on with come
            before them and are not predicted; the others are left out.
    """
    if history is None:
        return _encode(clicks, vocabulary, features)
    earlier = history.filter(pl.col("session_id").is_in(clicks["session_id"].unique().to_list()))
    sessions = _encode(pl.concat([earlier, clicks]), vocabulary, features)
    counts = earlier.group_by("session_id").len()
    history_of = dict(zip(counts["session_id"].to_list(), counts["len"].to_list(), strict=True))
    first_predicted = [max(1, history_of.get(session_id, 0)) for session_id in sessions.session_ids]
    return replace(sessions, first_predicted=np.array(first_predicted, dtype=np.int64))


def _encode(clicks: pl.DataFrame, vocabulary: ItemVocabulary, features: Sequence[Feature]) -> EncodedSessions:
    table = (
        clicks.with_row_index("row")
        .select(
            "session_id",
            "timestamp_ms",
            "event_type",
            "value",
            pl.col("row").min().over("session_id").alias("first_row"),
            pl.col("item_id")
            .replace_strict(
                list(vocabulary.item_ids), range(len(vocabulary)), default=UNKNOWN_ITEM, return_dtype=pl.Int64
            )
            .alias("item_index"),
            session_gap_ms().alias("gap_ms"),
        )
        .sort("first_row", maintain_order=True)
    )
    runs = table["session_id"].rle().struct.unnest()
    return EncodedSessions(
        session_ids=tuple(runs["value"].to_list()),
        first_click=np.concatenate(([0], np.cumsum(runs["len"].to_numpy(), dtype=np.int64))),
        item_index=table["item_index"].to_numpy(),
        timestamp_ms=table["timestamp_ms"].to_numpy(),
        features=encode_features(
            features, table["gap_ms"].to_list(), table["event_type"].to_list(), values_of(table["value"])
        ),
        value=_values(table["value"]),
    )


def _values(value: pl.Series) -> NDArray[np.float32] | None:
    if value.null_count() == len(value):
        return None
    return values_of(value).astype(np.float32)
