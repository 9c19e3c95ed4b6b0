"""The figures of a model on cold items: those that a catalogue holds and that training has no click on.

Each test click on a cold item is predicted, given the clicks before it, twice: among the cold items alone, and among
all items. Beside the model stand lists that know nothing of the items' contents, or next to nothing:

- by chance. Popularity in training is no more than that: no cold item was clicked;
- by the popularity of the item's category in training;
- by the popularity of the cold items in the test period itself, up to the moment of the click: what a shop would see
  that counts every click at once.

Equal scores are common there, and breaking ties conservatively would leave nothing of such a list: a target that shares
its place with others counts as often as a list in which chance breaks the ties holds it.

Legend: P predictions on cold items, N of them that are scored together, V items, C cold ones.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.errors import DataError
from models.evaluation.ranked_predictions import leave_out
from models.evaluation.scorer import ScoreBlock
from models.sequences.encoded_sessions import (
    UNKNOWN_ITEM,
    EncodedSessions,
    Predictions,
    enumerate_predictions,
    last_items,
)

LIST_LENGTH = 20
# Milliseconds since 1970, (N,) -> (N, V).
BiasAt = Callable[[NDArray[np.int64]], NDArray[np.float32]]


class ColdReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Recall@20 on cold items.

    Attributes:
        cold_items: C.
        items: V.
        predictions: P.
        among_cold: Of the model, and of each list beside it, where only cold items may be listed.
        among_all: The same where every item may be listed.
    """

    cold_items: int
    items: int
    predictions: int
    among_cold: dict[str, float]
    among_all: dict[str, float]


def evaluate_cold_items(
    name: str,
    blocks: Iterable[ScoreBlock],
    sessions: EncodedSessions,
    popularity: NDArray[np.int64],
    category: pl.Series,
    *,
    exclude_last: int = 0,
    bias_at: BiasAt | None = None,
) -> ColdReport:
    """Measure a model on cold items.

    Args:
        name: What the model is called in the report.
        blocks: What it scores for everything that is predicted of the sessions; its scores are written into.
        sessions: The test sessions, encoded with a vocabulary that holds the cold items.
        popularity: Training clicks of every item, (V,): 0 for the cold ones.
        category: Of every item, (V,), null where it has none.
        exclude_last: How many of a user's last clicks may not be listed again (the seen filter).
        bias_at: The items' biases, (N, V), at N moments: what a worker's `item_bias` would be then. The model is
            reported with and without them, and they by themselves.

    Raises:
        DataError: If no prediction is on a cold item.
    """
    predictions = enumerate_predictions(sessions)
    target = predictions.target_index
    is_cold = popularity == 0  # (V,)
    on_cold = (target != UNKNOWN_ITEM) & is_cold[target]
    if not on_cold.any():
        raise DataError("No test click with clicks before it is on a cold item: hold items out, or split by time.")
    by_category = _category_popularity(popularity, category)
    lists = _Lists(name, sessions, predictions, popularity=popularity, by_category=by_category, bias_at=bias_at)
    sums: dict[str, dict[str, float]] = {"cold": defaultdict(float), "all": defaultdict(float)}
    for every_row, every_score in blocks:
        kept = on_cold[every_row]
        rows = every_row[kept]
        seen = last_items(sessions, predictions, rows, exclude_last)
        for listed, scores in lists.scores(rows, every_score[kept]).items():
            leave_out(scores, seen)
            sums["all"][listed] += float(expected_recall(scores, target[rows]).sum())
            scores[:, ~is_cold] = -np.inf
            sums["cold"][listed] += float(expected_recall(scores, target[rows]).sum())
    count = int(on_cold.sum())
    among_cold, among_all = ({key: total / count for key, total in sums[among].items()} for among in sums)
    return ColdReport(int(is_cold.sum()), len(popularity), count, among_cold, among_all)


class _Lists:
    """The model, and what it is measured beside."""

    def __init__(
        self,
        name: str,
        sessions: EncodedSessions,
        predictions: Predictions,
        *,
        popularity: NDArray[np.int64],
        by_category: NDArray[np.float32],
        bias_at: BiasAt | None,
    ) -> None:
        self._name = name
        self._live = _LivePopularity(sessions, predictions, popularity)
        self._by_category = by_category
        self._bias_at = bias_at
        # A list is made when the click before it has come.
        self._made_ms = sessions.timestamp_ms[sessions.first_click[predictions.session] + predictions.position - 1]

    def scores(self, rows: NDArray[np.int64], scores: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Score every item for some predictions, (N,), by the name of each list, given the model's scores, (N, V)."""
        lists = {
            self._name: scores,
            "chance": np.zeros_like(scores),
            "category popularity": np.tile(self._by_category, (len(rows), 1)),
            "live popularity": self._live.scores(rows),
        }
        if self._bias_at is not None:
            bias = self._bias_at(self._made_ms[rows])
            lists |= {f"{self._name} and age": scores + bias, "age": bias}
        return lists


def expected_recall(scores: NDArray[np.float32], target: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how likely each target is listed where chance breaks ties, (N, V) and (N,) -> (N,)."""
    own = np.take_along_axis(scores, target[:, None], axis=1)  # (N, 1)
    better = np.count_nonzero(scores > own, axis=1)
    equal = np.count_nonzero(scores == own, axis=1)
    places = np.clip(LIST_LENGTH - better, 0, equal)
    return np.where(own[:, 0] > -np.inf, places / np.maximum(equal, 1), 0.0)


def _category_popularity(popularity: NDArray[np.int64], category: pl.Series) -> NDArray[np.float32]:
    """Give each item the mean training clicks of its category's items that have any, (V,)."""
    table = pl.DataFrame({"category": category, "clicks": popularity})
    known = table.filter(pl.col("clicks") > 0).group_by("category").agg(pl.col("clicks").mean().alias("mean"))
    joined = table.join(known, on="category", how="left", maintain_order="left", nulls_equal=True)
    return joined["mean"].fill_null(0.0).cast(pl.Float32).to_numpy().copy()


class _LivePopularity:
    """Training clicks and those of the test period so far: what is counted strictly before each predicted click.

    Args:
        sessions: The test sessions.
        predictions: All of them.
        popularity: Training clicks of every item, (V,).
    """

    def __init__(self, sessions: EncodedSessions, predictions: Predictions, popularity: NDArray[np.int64]) -> None:
        known = np.flatnonzero(sessions.item_index != UNKNOWN_ITEM)
        in_time = known[np.argsort(sessions.timestamp_ms[known], kind="stable")]
        self._clicked = sessions.item_index[in_time]
        predicted = sessions.first_click[predictions.session] + predictions.position
        self._clicks_before = np.searchsorted(sessions.timestamp_ms[in_time], sessions.timestamp_ms[predicted])
        self._popularity = popularity

    def scores(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Score every item for some predictions, (N,) -> (N, V)."""
        counts = self._popularity.copy()
        scores = np.empty((len(rows), len(counts)), dtype=np.float32)
        counted = 0
        # In order of time, so that no click is counted twice for the same rows.
        for place in np.argsort(self._clicks_before[rows], kind="stable"):
            before = self._clicks_before[rows[place]]
            counts += np.bincount(self._clicked[counted:before], minlength=len(counts))
            scores[place] = counts
            counted = before
        return scores
