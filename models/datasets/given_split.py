"""Splits as GRU4Rec's authors publish them: two tables of `SessionId ItemId Time`, one to train on, one to test on.

They exist so that models can be compared, so nothing is ever dropped from them: a line that cannot be read is an error.
The session is the user (`user_id` = `session_id` = SessionId), as nothing links two sessions.
"""

from collections.abc import Callable
from pathlib import Path

import polars as pl

from models.datasets.dataset import GivenSplit
from models.errors import DataError
from models.prepared_data import CLICK_SCHEMA

COLUMNS = ("SessionId", "ItemId", "Time")


def load_given_split(
    train_path: Path, test_path: Path, timestamp_ms: Callable[[pl.Expr], pl.Expr], how: str
) -> GivenSplit:
    """Read a pair of `SessionId ItemId Time` tables, tab separated, gzipped or not.

    Args:
        train_path: The clicks to train on.
        test_path: The clicks to test on.
        timestamp_ms: Turns the Time column, Int64, into milliseconds since 1970; it must keep the order.
        how: One sentence: how the split was cut.

    Raises:
        DataError: If a table is missing, has other columns, or has a line that cannot be read.
    """
    train, test = (_read_part(path, timestamp_ms) for path in (train_path, test_path))
    return GivenSplit(train, test, catalogue=None, how=how)


def _read_part(path: Path, timestamp_ms: Callable[[pl.Expr], pl.Expr]) -> pl.DataFrame:
    try:
        table = pl.read_csv(
            path, separator="\t", schema_overrides={"SessionId": pl.String, "ItemId": pl.String, "Time": pl.Int64}
        )
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{path} cannot be read as a table of {' '.join(COLUMNS)}: {error}") from error
    if missing := [name for name in COLUMNS if name not in table.columns]:
        raise DataError(f"{path} has no column {', '.join(missing)}; it has {', '.join(table.columns)}.")
    clicks = table.select(
        user_id="SessionId",
        session_id="SessionId",
        item_id="ItemId",
        timestamp_ms=timestamp_ms(pl.col("Time")),
        event_type=pl.lit(None, pl.String),
        value=pl.lit(None, pl.Float64),
    ).cast(dict(CLICK_SCHEMA))
    if clicks.select(pl.any_horizontal(pl.first("user_id", "item_id", "timestamp_ms").is_null())).item():
        raise DataError(f"{path} has lines without a session, an item or a time: a given split must be whole.")
    return clicks.sort("timestamp_ms", maintain_order=True)
