"""The statistics that features are normalised by, taken over the training clicks and stored in the artifact.

Over clicks in parts: a feature is the same, to the bit, whether the clicks are one table in memory or many on disk.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import assert_never

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.errors import DataError
from models.preparation.click_parts import IS_TEST, ClickParts, Part, among
from models.preparation.sessions import session_gap_ms
from models.sequences.features import EventType, Feature, FeatureName, TimeGap, Value

# Numbers in pieces, anew whenever it is called.
Numbers = Callable[[], Iterable[NDArray[np.float64]]]


def fit_features(clicks: ClickParts, names: Sequence[FeatureName], part: Part = "all") -> tuple[Feature, ...]:
    """Fit the features that a model was asked to use.

    Args:
        clicks: The training clicks, in order of time.
        names: The features, in the order of their columns.
        part: Of a split, which clicks are the training clicks.

    Raises:
        DataError: If the clicks do not have what a feature needs.
    """
    return tuple(_fit(clicks, name, part) for name in names)


def _fit(clicks: ClickParts, name: FeatureName, part: Part) -> Feature:
    match name:
        case "time_gap":
            return fit_time_gap(clicks, part)
        case "event_type":
            return fit_event_type(clicks, part)
        case "value":
            return fit_value(clicks, part)
        case _:
            assert_never(name)


def fit_time_gap(clicks: ClickParts, part: Part = "all") -> TimeGap:
    """Take mean and standard deviation of log1p(gap in seconds) over all clicks, a session's first included (gap 0)."""

    def log_gaps() -> Iterator[NDArray[np.float64]]:
        for table in _columns(clicks, part, "session_id", "timestamp_ms"):
            yield table.select((session_gap_ms() / 1000).log1p()).to_series().to_numpy()

    fitted = mean_and_deviation(log_gaps)
    if fitted is None:
        raise DataError("There are no training clicks to take time gaps from.")
    mean, deviation = fitted
    # Gaps that are all alike say nothing: divided by 1, the column is zero.
    return TimeGap(mean=mean, std=deviation or 1.0)


def fit_event_type(clicks: ClickParts, part: Part = "all") -> EventType:
    """Take the event types that occur, in the order of the alphabet."""
    occurring: set[str] = set()
    for table in _columns(clicks, part, "event_type"):
        occurring.update(table["event_type"].drop_nulls().unique())
    if not occurring:
        raise DataError("The data has no event types: leave the feature event_type out.")
    return EventType(tuple(sorted(occurring)))


def fit_value(clicks: ClickParts, part: Part = "all") -> Value:
    """Take mean and standard deviation of the values that there are."""

    def values() -> Iterator[NDArray[np.float64]]:
        for table in _columns(clicks, part, "value"):
            yield table["value"].drop_nulls().to_numpy()

    fitted = mean_and_deviation(values)
    if fitted is None:
        raise DataError("The data has no values: leave the feature value out.")
    mean, deviation = fitted
    # Values that are all alike say nothing: divided by 1, the column is zero.
    return Value(mean=mean, std=deviation or 1.0)


def mean_and_deviation(numbers: Numbers) -> tuple[float, float] | None:
    """Return mean and standard deviation, the same bits in whatever order and pieces the numbers come; None of none.

    Sums are exact before they are rounded once (Shewchuk, Adaptive Precision Floating-Point Arithmetic, Discrete and
    Computational Geometry 18, 1997): clicks come by users from parts on disk, and by time from a table.
    """
    count = 0

    def counted() -> Iterator[float]:
        nonlocal count
        for piece in numbers():
            count += len(piece)
            yield from piece.tolist()

    total = math.fsum(counted())
    if not count:
        return None
    mean = total / count
    squares = math.fsum(chain.from_iterable(((piece - mean) ** 2).tolist() for piece in numbers()))
    return mean, math.sqrt(squares / count)


def _columns(clicks: ClickParts, part: Part, *names: str) -> Iterator[pl.DataFrame]:
    """Yield some columns of one part of the split, and read no others."""
    if part == "all":
        yield from clicks.columns(*names)
        return
    for table in clicks.columns(*names, IS_TEST):
        yield table.filter(among(part))
