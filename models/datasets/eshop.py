"""The e-shop split: clothing clicks of 2008, cut so that models can be compared with official GRU4Rec.

Made from the `eshop-2008` log by Lapczynski and Bialowas (2013), UCI Machine Learning Repository 553. The shop logged
the day and the order of the clicks in a session, no clock: Time is `MDDooo` (401001: April 1st, a session's first click).
"""

from pathlib import Path

import polars as pl

from models.datasets.dataset import Dataset, GivenSplit
from models.datasets.given_split import load_given_split
from models.session_rule import SessionRule

# A minute from one click to the next is a shopper's pace, and 999 of them still fit into the day.
MS_PER_CLICK = 60_000


def order_to_ms(year: pl.Expr, month: pl.Expr, day: pl.Expr, order: pl.Expr) -> pl.Expr:
    """Turn a day and a click's order in its session into milliseconds since 1970 that sort alike."""
    return pl.datetime(year, month, day, time_unit="ms").cast(pl.Int64) + order * MS_PER_CLICK


def _packed_time_to_ms(time: pl.Expr) -> pl.Expr:
    return order_to_ms(pl.lit(2008), time // 100_000, time // 1000 % 100, time % 1000)


def load(folder: Path) -> GivenSplit:
    """Read the two tables and name the items."""
    return load_given_split(
        folder / "eshop.train.tsv.gz",
        folder / "eshop.test.tsv.gz",
        _packed_time_to_ms,
        "Given: sessions that end before August 2008 train, those that start in it test.",
    )


ESHOP = Dataset(
    name="eshop",
    what="clothing shop, 18,984 sessions, 213 items, 160,426 clicks, split to compare with GRU4Rec",
    licence="CC BY 4.0 (UCI 553)",
    folder="splits",
    files=("eshop.train.tsv.gz", "eshop.test.tsv.gz"),
    session_rule=SessionRule(by_id=True),
    exclude_seen=False,
    load=load,
)
