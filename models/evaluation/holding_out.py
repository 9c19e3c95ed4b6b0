"""Items held out of training entirely, to measure what a model makes of items that it has never seen clicked."""

from dataclasses import replace

import msgspec
import polars as pl

from models.errors import DataError
from models.preparation.prepared_data import CleaningStep, Description, PreparedData
from models.preparation.prepared_on_disk import PreparedOnDisk
from models.sequences.vocabulary import hash_item_id

# Of the hash that decides: more than any share tells apart.
_LARGEST_HASH = 2**64


def hold_items_out(data: PreparedData, share: float, seed: int = 0) -> PreparedData:
    """Take every training click on some of the items away; test clicks on them stay.

    Which items is decided by the hash of seed and item id: the same ones whatever else the data holds. A session goes
    on as if it had not had those clicks.

    Args:
        data: What to hold items out of.
        share: About what share of the items.
        seed: Another seed holds other items out.

    Raises:
        DataError: If no training click is left, or no item is held out that a test click is on.
    """
    counts = (data.train.group_by("item_id").len(), data.test.group_by("item_id").len())
    held, step = _draw(*counts, share, seed)
    train = data.train.filter(~pl.col("item_id").is_in(held))
    return replace(data, description=_with_step(data.description, step), train=train)


def hold_items_out_on_disk(data: PreparedOnDisk, share: float, seed: int = 0) -> PreparedOnDisk:
    """Do what `hold_items_out` does to data on disk: its files stay, those clicks are passed over."""
    held, step = _draw(data.clicks_by_item("train"), data.clicks_by_item("test"), share, seed)
    return replace(data, description=_with_step(data.description, step), held_out=frozenset(held))


def _draw(train: pl.DataFrame, test: pl.DataFrame, share: float, seed: int) -> tuple[list[str], CleaningStep]:
    """Return the items to hold out and what becomes of the clicks, given how many are on each: item_id and `len`."""
    items = pl.concat([train["item_id"], test["item_id"]]).unique().to_list()
    held = [item for item in items if hash_item_id(f"{seed}:{item}") < share * _LARGEST_HASH]
    is_held = pl.col("item_id").is_in(held)
    dropped, on_held = (int(counts.filter(is_held)["len"].sum()) for counts in (train, test))
    kept = int(train["len"].sum()) - dropped
    if not kept or not on_held:
        raise DataError(
            f"Of {len(items):,} items {len(held):,} were held out: {kept:,} training clicks are left, and "
            f"{on_held:,} test clicks on items that were. Hold out another share."
        )
    reason = f"{len(held):,} of {len(items):,} items, drawn by seed {seed}, are kept out of training"
    return held, CleaningStep("train: held-out items", reason, dropped=dropped, kept=kept)


def _with_step(description: Description, step: CleaningStep) -> Description:
    return msgspec.structs.replace(description, cleaning=(*description.cleaning, step))
