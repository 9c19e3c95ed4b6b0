"""What a recipe is judged by: clicks of the validation period, and what was known before each.

Legend: Q questions, V items, n last items of a user.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.counts.click_columns import ClickColumns
from models.errors import DataError
from models.evaluation.ranked_predictions import leave_out
from models.evaluation.scorer import Scorer
from models.sequences.encoded_sessions import (
    UNKNOWN_ITEM,
    EncodedSessions,
    Predictions,
    enumerate_predictions,
    last_items,
)

# Clicks further back than this play no part in any recipe that is tried.
LAST_ITEMS = 8
# Bound of memory: Q times V, of which a trial has half a dozen tables.
CELLS = 12_000_000
FEWEST = 100


@dataclass(frozen=True)
class ValidationQuestions:
    """Clicks to predict.

    Attributes:
        target: What was clicked, (Q,).
        asked_ms: Up to when what others clicked is known, (Q,).
        last_items: What the session clicked before, newest first, (Q, n), padded with -1.
        network: The network's scores without counts, float32 (Q, V); -inf where an item may not be listed.
    """

    target: NDArray[np.int64]
    asked_ms: NDArray[np.int64]
    last_items: NDArray[np.int64]
    network: NDArray[np.float32]


def draw_questions(
    scorer: Scorer, sessions: EncodedSessions, item_count: int, *, most: int, delay_ms: int, exclude_last: int = 0
) -> ValidationQuestions:
    """Draw clicks of known items, as many as `most` and as memory allows.

    Args:
        scorer: A network that did not learn these sessions.
        sessions: The validation period.
        item_count: V.
        most: Q, at most; `FEWEST` or more.
        delay_ms: How late the counts are.
        exclude_last: How many of a user's last clicks may not be listed again (the seen filter); 0 lists them all.

    Raises:
        DataError: If there are too few of them.
    """
    require_enough(sessions, item_count)
    predictions = enumerate_predictions(sessions)
    known = np.flatnonzero(predictions.target_index != UNKNOWN_ITEM)
    rows = np.sort(np.random.default_rng(0).permutation(known)[: min(most, CELLS // item_count)])
    click = sessions.first_click[predictions.session[rows]] + predictions.position[rows]
    last = last_items(sessions, predictions, rows, LAST_ITEMS)
    # An unknown item leads to nothing: the known ones move up.
    known_first = np.argsort(last < 0, axis=1, kind="stable")
    network = _scores(scorer, sessions, predictions, rows, item_count)
    leave_out(network, last_items(sessions, predictions, rows, exclude_last))
    return ValidationQuestions(
        target=predictions.target_index[rows],
        asked_ms=sessions.timestamp_ms[click] - delay_ms,
        last_items=np.take_along_axis(last, known_first, axis=1),
        network=network,
    )


def require_enough(sessions: EncodedSessions, item_count: int) -> None:
    """Check that there are clicks enough to judge recipes by.

    Args:
        sessions: The validation period.
        item_count: V.

    Raises:
        DataError: If there are not.
    """
    known = int(np.count_nonzero(enumerate_predictions(sessions).target_index != UNKNOWN_ITEM))
    if known < FEWEST:
        raise DataError(
            f"{known:,} validation clicks are too few to fit live counts by, it takes {FEWEST}: validate on a longer "
            "period, or write a recipe by hand."
        )
    if CELLS // item_count < FEWEST:
        raise DataError(
            f"{item_count:,} items are too many to fit live counts for, at most {CELLS // FEWEST:,}: write a recipe by "
            "hand."
        )


def _scores(
    scorer: Scorer, sessions: EncodedSessions, predictions: Predictions, rows: NDArray[np.int64], item_count: int
) -> NDArray[np.float32]:
    place = np.full(len(predictions), -1)
    place[rows] = np.arange(len(rows))
    scores = np.empty((len(rows), item_count), dtype=np.float32)
    for block in scorer.score(sessions):
        asked = place[block.rows] >= 0
        scores[place[block.rows[asked]]] = block.scores[asked]
    return scores


def click_columns(clicks: pl.DataFrame, item_ids: Iterable[str]) -> ClickColumns:
    """Turn a click table into columns to count from, in order of time."""
    in_order = clicks.sort("timestamp_ms", maintain_order=True)
    ids = list(item_ids)
    item = pl.col("item_id").replace_strict(ids, range(len(ids)), default=UNKNOWN_ITEM, return_dtype=pl.Int64)
    numbers = in_order.select(pl.col("user_id", "session_id").rank("dense").cast(pl.Int64), item=item)
    return ClickColumns(
        user=numbers["user_id"].to_numpy(),
        session=numbers["session_id"].to_numpy(),
        item=numbers["item"].to_numpy(),
        timestamp_ms=in_order["timestamp_ms"].to_numpy(),
    )


def has_clock(clicks: ClickColumns) -> bool:
    """Tell whether a log's times are times: where only the day is known all sessions of a day begin at one moment."""
    if not len(clicks):
        return False
    _, first = np.unique(clicks.session, return_index=True)
    begins = clicks.timestamp_ms[first]
    return len(np.unique(begins)) > 2 * len(np.unique(begins // 86_400_000))
