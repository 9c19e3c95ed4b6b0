"""Which clicks are replayed: test clicks at their own pace, and the training clicks that everyone's counts need.

What was clicked before the first test click warms the counts; training clicks after it lie among the test clicks.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.errors import DataError

# Training clicks are counted, and nobody is judged by them: their users and sessions are not those of the test.
_OTHERS = "train:"


@dataclass(frozen=True)
class LiveClicks:
    """A replay's clicks, tables of `models.preparation.prepared_data.CLICK_SCHEMA` in order of time.

    Attributes:
        test: Those whose lists are judged, N of them.
        warm_up: Training clicks before the first of them.
        paced: Test clicks, and the training clicks among them.
        test_row: Which row of `test` each paced click is; -1 for training clicks.
    """

    test: pl.DataFrame
    warm_up: pl.DataFrame
    paced: pl.DataFrame
    test_row: NDArray[np.int64]

    @property
    def before(self) -> pl.DataFrame:
        """What is counted and not judged."""
        return pl.concat([self.warm_up, self.paced.filter(pl.Series(self.test_row < 0))])


def choose_clicks(train: pl.DataFrame, test: pl.DataFrame, *, warm_up_ms: int, limit: int | None = None) -> LiveClicks:
    """Choose a replay's clicks.

    Args:
        train: Training clicks; they may reach into the test period.
        test: Test clicks.
        warm_up_ms: For how long before the first test click clicks are counted.
        limit: So many test clicks only, the first ones.

    Raises:
        DataError: If there are no test clicks.
    """
    test = test.sort("timestamp_ms", maintain_order=True)
    test = test if limit is None else test.head(limit)
    if test.is_empty():
        raise DataError("There are no test clicks to replay: prepare the data set with a longer test period.")
    begin_ms, end_ms = test["timestamp_ms"][0], test["timestamp_ms"][-1]
    time = pl.col("timestamp_ms")
    counted = train.sort("timestamp_ms", maintain_order=True).with_columns(
        user_id=_OTHERS + pl.col("user_id"), session_id=_OTHERS + pl.col("session_id")
    )
    among = counted.filter(time.is_between(begin_ms, end_ms))
    paced = (
        pl.concat([among, test])
        .with_columns(test_row=pl.Series([-1] * len(among) + list(range(len(test))), dtype=pl.Int64))
        .sort("timestamp_ms", maintain_order=True)
    )
    return LiveClicks(
        test,
        counted.filter(time.is_between(begin_ms - warm_up_ms, begin_ms, closed="left")),
        paced.drop("test_row"),
        paced["test_row"].to_numpy(),
    )
