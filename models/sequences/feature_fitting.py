"""The statistics that features are normalised by, taken over the training clicks and stored in the artifact."""

from collections.abc import Sequence
from typing import assert_never

import numpy as np
import polars as pl

from models.errors import DataError
from models.preparation.sessions import session_gap_ms
from models.sequences.features import EventType, Feature, FeatureName, TimeGap, Value


def fit_features(train: pl.DataFrame, names: Sequence[FeatureName]) -> tuple[Feature, ...]:
    """Fit the features that a model was asked to use.

    Args:
        train: Training clicks only, `CLICK_SCHEMA`, in order of time.
        names: The features, in the order of their columns.

    Raises:
        DataError: If the clicks do not have what a feature needs.
    """
    return tuple(_fit(train, name) for name in names)


def _fit(train: pl.DataFrame, name: FeatureName) -> Feature:
    match name:
        case "time_gap":
            return fit_time_gap(train)
        case "event_type":
            return fit_event_type(train)
        case "value":
            return fit_value(train)
        case _:
            assert_never(name)


def fit_time_gap(train: pl.DataFrame) -> TimeGap:
    """Take mean and standard deviation of log1p(gap in seconds) over all clicks, a session's first included (gap 0)."""
    if train.is_empty():
        raise DataError("There are no training clicks to take time gaps from.")
    log_gap = train.select((session_gap_ms() / 1000).log1p()).to_series().to_numpy()
    # Gaps that are all alike say nothing: divided by 1, the column is zero.
    return TimeGap(mean=float(np.mean(log_gap)), std=float(np.std(log_gap)) or 1.0)


def fit_event_type(train: pl.DataFrame) -> EventType:
    """Take the event types that occur, in the order of the alphabet."""
    categories = train["event_type"].drop_nulls().unique().sort().to_list()
    if not categories:
        raise DataError("The data has no event types: leave the feature event_type out.")
    return EventType(tuple(categories))


def fit_value(train: pl.DataFrame) -> Value:
    """Take mean and standard deviation of the values that there are."""
    values = train["value"].drop_nulls().to_numpy()
    if not len(values):
        raise DataError("The data has no values: leave the feature value out.")
    # Values that are all alike say nothing: divided by 1, the column is zero.
    return Value(mean=float(np.mean(values)), std=float(np.std(values)) or 1.0)
