"""What is served of a network that knows items by their contents: computed vectors, and items it was not trained on."""

import dataclasses

import numpy as np
import polars as pl

from models.errors import DataError
from models.networks.content_lstm import reads_contents, with_fixed_items
from models.sequences.vocabulary import ItemVocabulary
from models.training.checkpoint import Checkpoint


def with_cold_items(checkpoint: Checkpoint, catalogue: pl.DataFrame | None = None) -> Checkpoint:
    """Return a checkpoint as it is served.

    The vectors of all items are computed from their contents. Items that the catalogue holds and that training has no
    clicks on, the cold items, follow behind the others, in the order of their ids; their popularity is 0. Rows that the
    training items had they keep.

    Args:
        checkpoint: A trained one. One of a network that does not read contents is returned as it is.
        catalogue: What is known of the items now; an item that it does not hold stays as the checkpoint's own
            catalogue has it. None: nothing else than that.

    Raises:
        DataError: If `catalogue` lacks a column that the network reads, or is given for one that reads none.
    """
    network, reader = checkpoint.network, checkpoint.description.contents
    if not reads_contents(network) or reader is None or checkpoint.catalogue is None:
        if catalogue is not None:
            raise DataError(
                "This network knows items by their ids alone: no catalogue brings it new ones. Train again."
            )
        return checkpoint
    merged = checkpoint.catalogue if catalogue is None else _merged(catalogue, checkpoint.catalogue)
    known = checkpoint.vocabulary
    cold = sorted(set(merged["item_id"].to_list()) - set(known.item_ids))
    items = ItemVocabulary([*known.item_ids, *cold])
    popularity = np.concatenate((checkpoint.popularity, np.zeros(len(cold), dtype=np.int64)))
    served = with_fixed_items(network, reader.read(merged, items))
    return dataclasses.replace(checkpoint, network=served, vocabulary=items, popularity=popularity, catalogue=merged)


def _merged(newer: pl.DataFrame, older: pl.DataFrame) -> pl.DataFrame:
    """Put rows that only the older catalogue has behind those of the newer one."""
    kept = older.join(newer, on="item_id", how="anti")
    return pl.concat([newer, kept], how="diagonal_relaxed")
