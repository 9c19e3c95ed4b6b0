"""Several models' outcomes, click beside click.

Legend: N clicks, M models; column 0 is the reference, column M the popular list.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.errors import DataError
from nextclick.comparison.measures import gains

PLACE = ["partition", "offset"]


@dataclass(frozen=True)
class ModelOutcomes:
    """What a model's lists were worth on a recording.

    Attributes:
        name: What people call it.
        outcomes: By `nextclick.prequential.outcomes.OUTCOME_SCHEMA`.
        list_length: K of its lists.
        item_ids: The items that it knows.
        trained_until_ms: Time of its newest training click; None where nobody knows.
        live_counts: Which counts of everyone's clicks it was ranked with, in words; None where it is served without.
    """

    name: str
    outcomes: pl.DataFrame
    list_length: int
    item_ids: AbstractSet[str] = frozenset()
    trained_until_ms: int | None = None
    live_counts: str | None = None


@dataclass(frozen=True)
class PairedClicks:
    """The clicks for which every model had a list ready.

    Attributes:
        clicks: Partition, offset, timestamp_ms, user_id, item_id, history_length, and the strategy of the reference's
            list; in the order of the reference's outcomes.
        user_index: A number for each user, (N,).
        ranks: Of the clicked item in each model's list and in the reference's popular list, cut to K, (N, M + 1);
            0: not in it.
        gains: What each list was worth, (N, M + 1, 3).
        list_length: K, the shortest list of all models.
    """

    clicks: pl.DataFrame
    user_index: NDArray[np.int64] = field(repr=False)
    ranks: NDArray[np.int32] = field(repr=False)
    gains: NDArray[np.float64] = field(repr=False)
    list_length: int

    @property
    def popular_column(self) -> int:
        """M, where the popular list stands."""
        return int(self.ranks.shape[1]) - 1


def pair(models: Sequence[ModelOutcomes]) -> PairedClicks:
    """Join the outcomes by the records that they are of.

    Raises:
        DataError: If two outcomes are of one record, outcomes of one record disagree on user or item, or no click is
            left: they are of different recordings then.
    """
    list_length = min(model.list_length for model in models)
    reference, *challengers = models
    joined = _unique(reference).rename({"rank": "rank_0"})
    for number, model in enumerate(challengers, 1):
        theirs = _unique(model).select(
            *PLACE,
            pl.col("user_id").alias("other_user"),
            pl.col("item_id").alias("other_item"),
            pl.col("rank").alias(f"rank_{number}"),
        )
        joined = joined.join(theirs, on=PLACE, how="inner", maintain_order="left")
        _require_same_clicks(joined, reference.name, model.name)
        joined = joined.drop("other_user", "other_item")
    if joined.is_empty():
        raise DataError(
            "There is no click for which every model had a list ready: the recording is too short, "
            "or no user comes back. Record more of the topic."
        )
    rank_columns = [f"rank_{number}" for number in range(len(models))]
    ranks = joined.select(*rank_columns, "popular_rank").to_numpy().astype(np.int32)
    ranks[ranks > list_length] = 0
    return PairedClicks(
        clicks=joined.drop(*rank_columns, "popular_rank"),
        user_index=joined["user_id"].rank("dense").to_numpy().astype(np.int64) - 1,
        ranks=ranks,
        gains=gains(ranks, list_length),
        list_length=list_length,
    )


def _unique(model: ModelOutcomes) -> pl.DataFrame:
    twice = model.outcomes.filter(model.outcomes.select(PLACE).is_duplicated())
    if twice.height:
        partition, offset = twice.select(PLACE).row(0)
        raise DataError(f"{model.name} has two outcomes of partition {partition}, offset {offset}: nothing to pair by.")
    return model.outcomes


def _require_same_clicks(joined: pl.DataFrame, reference: str, challenger: str) -> None:
    other = joined.filter((pl.col("user_id") != pl.col("other_user")) | (pl.col("item_id") != pl.col("other_item")))
    if other.height:
        partition, offset = other.select(PLACE).row(0)
        raise DataError(
            f"{reference} and {challenger} saw different clicks at partition {partition}, offset {offset}: "
            "these outcomes are of different recordings."
        )
