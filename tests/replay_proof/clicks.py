"""Globo's clicks in order of time: the first of them to train on, the later ones for the topic."""

from pathlib import Path

import polars as pl

from models.datasets import dataset_named
from models.datasets.folders import find_dataset
from models.datasets.globo_clicks import load

# Enough for a model that is better than the popular list.
TRAINING_CLICKS = 150_000
SLICE_CLICKS = 30_000


def globo_clicks(data_folder: Path) -> pl.DataFrame | None:
    """Return all clicks in order of time, those of one moment in the order of the log; None where there is no log."""
    found = find_dataset(dataset_named("globo-clicks"), data_folder)
    if found is None:
        return None
    columns = ("user_id", "item_id", "timestamp_ms", "session_id")
    return load(found).log.clicks.select(columns).sort("timestamp_ms", maintain_order=True)


def write_training(clicks: pl.DataFrame, path: Path) -> None:
    """Write the first clicks."""
    clicks.head(TRAINING_CLICKS).write_parquet(path)


def write_replayed(clicks: pl.DataFrame, path: Path, *, whole: bool) -> int:
    """Write the clicks for the topic, and return how many: the whole log, or a slice behind the training clicks."""
    chosen = clicks if whole else clicks.slice(TRAINING_CLICKS, SLICE_CLICKS)
    chosen.write_parquet(path)
    return chosen.height
