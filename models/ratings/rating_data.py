"""Ratings as arrays, from prepared data with a `value`. Legend in the package."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.errors import DataError
from models.preparation.prepared_data import PreparedData


@dataclass(frozen=True)
class Ratings:
    """Ratings in order of time.

    Attributes:
        user_index: Who rated, (N,); users are numbered over both sides of the cut.
        item_index: What, (N,), a row of the items rated before the cut; -1 for an item that is not among them.
        value: How, (N,).
        timestamp_ms: When, (N,).
    """

    user_index: NDArray[np.int64]
    item_index: NDArray[np.int64]
    value: NDArray[np.float64]
    timestamp_ms: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.value)


@dataclass(frozen=True)
class RatingSplit:
    """Ratings on both sides of a cut.

    Attributes:
        train: Before it.
        test: After it.
        user_count: U, both sides together.
        item_ids: The items rated before the cut, in the order of their rows, V of them.
    """

    train: Ratings
    test: Ratings
    user_count: int
    item_ids: tuple[str, ...]

    @property
    def item_count(self) -> int:
        """V."""
        return len(self.item_ids)

    @property
    def scale(self) -> tuple[float, float]:
        """The lowest and the highest rating before the cut: no prediction need leave it."""
        return float(self.train.value.min()), float(self.train.value.max())


def read_ratings(data: PreparedData) -> RatingSplit:
    """Take the ratings of prepared data; clicks without a value are left out.

    Raises:
        DataError: If one side of the cut has no rating.
    """
    return split_ratings(data.train, data.test, data.description.name)


def split_ratings(train: pl.DataFrame, test: pl.DataFrame, name: str) -> RatingSplit:
    """Take the ratings of two click tables, in order of time; see `read_ratings`.

    Args:
        train: `CLICK_SCHEMA`, before the cut.
        test: `CLICK_SCHEMA`, after it.
        name: What to call the data in an error.

    Raises:
        DataError: If one of them has no rating.
    """
    rated, later = (table.filter(pl.col("value").is_not_null()) for table in (train, test))
    for part, table in (("before", rated), ("after", later)):
        if table.is_empty():
            raise DataError(
                f"{name} has no rating {part} the cut: a rating model needs a column `value`, as MovieLens has."
            )
    items = rated["item_id"].unique().sort().to_list()
    users = pl.concat([rated, later])["user_id"].unique().sort().to_list()
    return RatingSplit(
        train=_encode(rated, users, items),
        test=_encode(later, users, items),
        user_count=len(users),
        item_ids=tuple(items),
    )


def _encode(table: pl.DataFrame, users: list[str], items: list[str]) -> Ratings:
    rows = table.select(
        user=pl.col("user_id").replace_strict(users, range(len(users)), return_dtype=pl.Int64),
        item=pl.col("item_id").replace_strict(items, range(len(items)), default=-1, return_dtype=pl.Int64),
    )
    return Ratings(
        user_index=rows["user"].to_numpy(),
        item_index=rows["item"].to_numpy(),
        value=table["value"].to_numpy(),
        timestamp_ms=table["timestamp_ms"].to_numpy(),
    )
