"""The features beside the item, computed alike in training, in evaluation and on the stream.

numpy only: the worker computes them too.
"""

import math
from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

MOST_DEVIATIONS = 10.0


class TimeGap(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="time_gap"):
    """Log-seconds since the user's previous click in the session, normalised; one column.

    The gap of a session's first click is 0, and so is a late click's. The value is
    (log1p(gap_s) - mean) / std, with mean and std taken over the training clicks.
    """

    mean: float
    std: float

    @property
    def width(self) -> int:
        """Number of columns."""
        return 1


class EventType(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="event_type"):
    """One-hot of the event type; one column a known type, all zero for an unknown or absent one."""

    categories: tuple[str, ...]

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.categories)


class Value(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="value"):
    """The click's value, a rating or a dwell time, normalised; one column.

    It is (value - mean) / std, with mean and std taken over the training clicks that have one, and no further from 0
    than `MOST_DEVIATIONS`: a slip of a sender must not fill a state with infinities. A click without a value is taken
    to have the mean.
    """

    mean: float
    std: float

    @property
    def width(self) -> int:
        """Number of columns."""
        return 1


Feature = TimeGap | EventType | Value
FeatureName = Literal["time_gap", "event_type", "value"]


def no_values(clicks: int) -> NDArray[np.float64]:
    """Return the values of clicks that have none."""
    return np.full(clicks, np.nan)


def feature_width(features: Sequence[Feature]) -> int:
    """Return F, the number of columns of all features together."""
    return sum(feature.width for feature in features)


def encode_features(
    features: Sequence[Feature],
    gap_ms: Sequence[int] | NDArray[np.int64],
    event_types: Sequence[str | None],
    values: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Encode the features of B clicks.

    Args:
        features: The model's features, in the order of their columns.
        gap_ms: Event time since the user's previous click, (B,); 0 where a session begins or the click is late.
        event_types: The clicks' event types, (B,).
        values: The clicks' values, (B,), NaN where a click has none.

    Returns:
        The columns of all features side by side, (B, F).
    """
    encoded = np.zeros((len(gap_ms), feature_width(features)), dtype=np.float32)
    column = 0
    for feature in features:
        match feature:
            case TimeGap(mean=mean, std=std):
                # Row by row: numpy's log1p may differ in the last bit between its vector and scalar kernels,
                # and a list must not depend on how many clicks share its batch.
                encoded[:, column] = [(math.log1p(gap / 1000) - mean) / std for gap in gap_ms]
            case EventType(categories=categories):
                position = {category: column + offset for offset, category in enumerate(categories)}
                for row, event_type in enumerate(event_types):
                    if event_type in position:
                        encoded[row, position[event_type]] = 1.0
            case Value(mean=mean, std=std):
                deviations = np.clip((values - mean) / std, -MOST_DEVIATIONS, MOST_DEVIATIONS)
                encoded[:, column] = np.where(np.isnan(values), 0.0, deviations)
        column += feature.width
    return encoded
