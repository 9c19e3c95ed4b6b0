"""The e-shop split: the clicks of `eshop-2008`, cut so that models can be compared with official GRU4Rec.

Time is `MDDooo`: month, day, and the order of the click in its session (401001: April 1st, a session's first click).
"""

from pathlib import Path

import polars as pl

from models.datasets.dataset import Dataset, GivenSplit
from models.datasets.given_split import load_given_split
from models.datasets.order_of_day import order_to_ms

# The shop's own codes begin with the letter of the category.
CATEGORY_OF_LETTER = {"A": "trousers", "B": "skirts", "C": "blouses", "P": "sale"}


def _time_to_ms(text: pl.Expr) -> pl.Expr:
    time = text.cast(pl.Int64, strict=False)
    return order_to_ms(pl.lit(2008), time // 100_000, time // 1000 % 100, time % 1000)


def load(folder: Path) -> GivenSplit:
    """Read the two tables and name the products."""
    split = load_given_split(
        folder / "eshop.train.tsv.gz",
        folder / "eshop.test.tsv.gz",
        _time_to_ms,
        how="Given: the sessions before August 2008 train, those of August test.",
    )
    items = pl.concat([split.train, split.test]).select("item_id").unique(maintain_order=True)
    category = pl.col("item_id").str.head(1).replace_strict(CATEGORY_OF_LETTER, default=None)
    catalogue = items.select("item_id", title=pl.concat_str(category, "item_id", separator=" "), category=category)
    return GivenSplit(split.train, split.test, catalogue, split.session_rule, split.how)


ESHOP = Dataset(
    name="eshop",
    what="clothing shop, split to compare with GRU4Rec: 18,984 sessions, 213 products, 160,426 clicks",
    licence="CC BY 4.0 (UCI Machine Learning Repository 553)",
    folder="splits",
    files=("eshop.train.tsv.gz", "eshop.test.tsv.gz"),
    exclude_seen=False,
    load=load,
    how_to_get="`nextclick data prepare eshop-2008` makes the same split from the public log",
)
