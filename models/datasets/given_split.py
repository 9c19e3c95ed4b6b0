"""Splits as GRU4Rec's authors publish them: two tables of `SessionId ItemId Time`, one to train on, one to test on.

They exist so that models can be compared, so nothing is ever dropped from them: a line that cannot be read is an error.
The session is the user (`user_id` = `session_id` = SessionId), as nothing links two sessions.
"""

from collections.abc import Callable
from pathlib import Path

import polars as pl

from models.datasets.dataset import GivenSplit
from models.errors import DataError
from models.preparation.log_records import LINE, read_records
from models.preparation.prepared_data import CLICK_SCHEMA
from models.session_rule import SessionRule

COLUMNS = ("SessionId", "ItemId", "Time")


def load_given_split(
    train_path: Path, test_path: Path, time_to_ms: Callable[[pl.Expr], pl.Expr], how: str
) -> GivenSplit:
    """Read a pair of `SessionId ItemId Time` tables, tab separated, gzipped or not.

    Args:
        train_path: The clicks to train on.
        test_path: The clicks to test on.
        time_to_ms: Turns the Time column, String, into milliseconds since 1970 (Int64) that keep the order.
        how: One sentence: how the split was cut.

    Returns:
        The split, without a catalogue.

    Raises:
        DataError: If a table is missing, has other columns, or has a line that is no click.
    """
    train, test = (_read_part(path, time_to_ms) for path in (train_path, test_path))
    return GivenSplit(train, test, catalogue=None, session_rule=SessionRule(by_id=True), how=how)


def _read_part(path: Path, time_to_ms: Callable[[pl.Expr], pl.Expr]) -> pl.DataFrame:
    records = read_records(path, COLUMNS, separator="\t")
    for reason, first in records.malformed.first_lines.items():
        raise DataError(f"{path}, {first}: {reason}. A given split must be whole.")
    clicks = records.table.select(
        LINE,
        user_id="SessionId",
        session_id="SessionId",
        item_id="ItemId",
        timestamp_ms=time_to_ms(pl.col("Time")),
        event_type=pl.lit(None, pl.String),
        value=pl.lit(None, pl.Float64),
    )
    ids = pl.col("session_id", "item_id").str.strip_chars()
    bad = clicks.filter(pl.any_horizontal(ids.is_null() | (ids == ""), pl.col("timestamp_ms").is_null()))
    if not bad.is_empty():
        raise DataError(
            f"{path}, line {bad[LINE][0]}, lacks a session, an item or a time: a given split must be whole."
        )
    return clicks.select(CLICK_SCHEMA.names()).cast(CLICK_SCHEMA).sort("timestamp_ms", maintain_order=True)
