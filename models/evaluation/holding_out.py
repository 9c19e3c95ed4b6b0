"""Items held out of training entirely, to measure what a model makes of items that it has never seen clicked."""

import msgspec
import polars as pl

from models.errors import DataError
from models.preparation.prepared_data import CleaningStep, PreparedData
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
    items = pl.concat([data.train["item_id"], data.test["item_id"]]).unique().to_list()
    held = [item for item in items if hash_item_id(f"{seed}:{item}") < share * _LARGEST_HASH]
    train = data.train.filter(~pl.col("item_id").is_in(held))
    on_held = data.test.filter(pl.col("item_id").is_in(held)).height
    if train.is_empty() or not on_held:
        raise DataError(
            f"Of {len(items):,} items {len(held):,} were held out: {train.height:,} training clicks are left, and "
            f"{on_held:,} test clicks on items that were. Hold out another share."
        )
    step = CleaningStep(
        name="train: held-out items",
        reason=f"{len(held):,} of {len(items):,} items, drawn by seed {seed}, are kept out of training",
        dropped=data.train.height - train.height,
        kept=train.height,
    )
    description = msgspec.structs.replace(data.description, cleaning=(*data.description.cleaning, step))
    return PreparedData(description, train, data.test, data.catalogue)
