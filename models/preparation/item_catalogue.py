"""What a shop knows of its items, in its own format, as the table that networks and lists read.

    .csv .tsv               every column is text
    .jsonl .ndjson          a vector is a list of numbers
    .parquet

Text may be gzipped (.gz) or Zstandard (.zst). item_id is text, spelt as the click log spells it; lists of words, as
tags and genres often are, become one text.
"""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from models.errors import DataError
from models.preparation.log_records import SEPARATORS

ITEM_ID = "item_id"
# What lists show of an item.
_SHOWN = ("title", "category")
_BETWEEN_WORDS = ", "


@dataclass(frozen=True)
class CatalogueCoverage:
    """How a catalogue and the training clicks fit together.

    Attributes:
        items: Items that the catalogue holds.
        without_clicks: Those of them that no training click is on.
        not_described: Items with training clicks that the catalogue does not hold.
    """

    items: int
    without_clicks: int
    not_described: int


def read_item_catalogue(path: Path, item_column: str = ITEM_ID) -> pl.DataFrame:
    """Read a catalogue.

    Args:
        path: The file; its name's ending tells the format.
        item_column: What it may call item_id: the click log's name of it.

    Raises:
        DataError: If it cannot be read, its format is unknown, it does not name its items, or says two things of one.
    """
    try:
        table = _read(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{path} cannot be read as a catalogue: {error}") from error
    if item_column in table.columns and item_column != ITEM_ID:
        table = table.drop(ITEM_ID, strict=False).rename({item_column: ITEM_ID})
    return as_catalogue(table, path)


def as_catalogue(table: pl.DataFrame, path: Path) -> pl.DataFrame:
    """Bring a table into the form that everything reads; rows without an item_id, and equal rows, go.

    Args:
        table: Item by item.
        path: Where it comes from.

    Raises:
        DataError: If it has no column item_id, or two rows differ about one item.
    """
    if ITEM_ID not in table.columns:
        raise DataError(f"{path} has no column {ITEM_ID}: it has {', '.join(table.columns)}.")
    lists_of_words = [name for name, dtype in table.schema.items() if dtype == pl.List(pl.String)]
    texts = [name for name in (ITEM_ID, *_SHOWN) if name in table.columns]
    catalogue = (
        table.with_columns(pl.col(lists_of_words).list.join(_BETWEEN_WORDS))
        .with_columns(pl.col(texts).cast(pl.String))
        .filter(pl.col(ITEM_ID).is_not_null())
        .unique(maintain_order=True)
    )
    twice = catalogue.filter(pl.col(ITEM_ID).is_duplicated())[ITEM_ID]
    if len(twice):
        raise DataError(f"{path} describes an item twice, and not alike: {twice[0]}. Keep one row an item.")
    return catalogue


def catalogue_coverage(catalogue: pl.DataFrame, train: pl.LazyFrame) -> CatalogueCoverage:
    """Count what fits of a catalogue.

    Args:
        catalogue: With item_id.
        train: The training clicks.

    Raises:
        DataError: If it describes no item at all that has training clicks.
    """
    clicked = train.select(ITEM_ID).unique().collect()
    described = clicked.join(catalogue, on=ITEM_ID, how="semi").height
    if not described:
        raise DataError(
            f"The catalogue describes no item of the training clicks: its item_id looks like {_first(catalogue)}, the "
            f"clicks' like {_first(clicked)}. They must be spelt alike."
        )
    return CatalogueCoverage(
        items=catalogue.height, without_clicks=catalogue.height - described, not_described=clicked.height - described
    )


def _first(items: pl.DataFrame) -> str:
    return repr(items[ITEM_ID].min()) if items.height else "nothing"


def _read(path: Path) -> pl.DataFrame:
    packing = path.suffix if path.suffix in {".gz", ".zst"} else ""
    ending = Path(path.name.removesuffix(packing)).suffix
    if ending == ".parquet":
        return pl.read_parquet(path)
    if ending in {".jsonl", ".ndjson"}:
        return pl.read_ndjson(path, infer_schema_length=None)
    if ending in SEPARATORS:
        # Left to guess, polars would make 7 of the item 007.
        return pl.read_csv(path, separator=SEPARATORS[ending], infer_schema=False)
    known = ", ".join((*SEPARATORS, ".jsonl", ".ndjson", ".parquet"))
    raise DataError(f"{path} is of no known format: its name must end in one of {known}.")
