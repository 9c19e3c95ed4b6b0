import math

import numpy as np
import polars as pl
import pytest

from models.errors import DataError
from models.preparation.click_parts import ClicksInMemory
from models.preparation.prepared_data import CLICK_SCHEMA
from models.sequences.feature_fitting import fit_features, mean_and_deviation
from models.sequences.features import EventType, TimeGap, Value, encode_features, no_values
from tests.click_tables import make_clicks


def test_time_gaps_are_taken_within_sessions() -> None:
    """A session's first click has the gap 0 and counts; the gap between two sessions of a user does not."""
    clicks = make_clicks("ann A 0 s", "ann B 3000 s", "ann C 900000 t")
    (gap,) = fit_features(ClicksInMemory(clicks), ["time_gap"])
    values = [0.0, math.log(4), 0.0]
    mean = sum(values) / 3
    std = math.sqrt(sum((value - mean) ** 2 for value in values) / 3)
    assert isinstance(gap, TimeGap)
    assert (gap.mean, gap.std) == pytest.approx((mean, std))


def test_fitted_time_gaps_have_mean_0_and_deviation_1() -> None:
    """Encoded with its own statistics, the column of the training clicks is standardised."""
    clicks = make_clicks("ann A 0 s", "ann B 3000 s", "ann C 63000 s", "bob A 0 t", "bob B 500 t")
    features = fit_features(ClicksInMemory(clicks), ["time_gap"])
    column = encode_features(features, [0, 3000, 60000, 0, 500], [None] * 5, no_values(5))[:, 0]
    assert (column.mean(), column.std()) == pytest.approx((0, 1), abs=1e-6)


def test_gaps_that_are_all_alike_give_a_column_of_zeros() -> None:
    """Nothing is divided by zero where the log's clock stands still."""
    assert fit_features(ClicksInMemory(make_clicks("ann A 0 s", "ann B 0 s")), ["time_gap"]) == (
        TimeGap(mean=0.0, std=1.0),
    )


def test_event_types_are_those_that_occur() -> None:
    """Each once, in the order of the alphabet; a click without one adds none."""
    clicks = pl.concat([make_clicks("ann A 0 s", event_type=event) for event in ("view", "cart", None, "view")])
    assert fit_features(ClicksInMemory(clicks), ["event_type"]) == (EventType(("cart", "view")),)


def test_features_come_in_the_order_asked_for() -> None:
    """The order of the features is that of their columns."""
    clicks = make_clicks("ann A 0 s", event_type="view")
    kinds = [type(feature) for feature in fit_features(ClicksInMemory(clicks), ["event_type", "time_gap"])]
    assert kinds == [EventType, TimeGap]


def test_data_without_event_types_cannot_have_that_feature() -> None:
    """The message says what to leave out."""
    with pytest.raises(DataError, match="leave the feature event_type out"):
        fit_features(ClicksInMemory(make_clicks("ann A 0 s")), ["event_type"])


def test_no_clicks_have_no_gaps() -> None:
    """Statistics of nothing are an error, not a NaN in an artifact."""
    with pytest.raises(DataError, match="no training clicks"):
        fit_features(ClicksInMemory(pl.DataFrame(schema=CLICK_SCHEMA)), ["time_gap"])


def test_values_are_normalised_by_those_that_there_are() -> None:
    """Ratings of 2, 4 and 6; a click without one is as the mean, and a slip is ten deviations off, no more."""
    clicks = make_clicks("ann A 0 s", "ann B 1 s", "ann C 2 s", "ann D 3 s").with_columns(
        value=pl.Series([2.0, None, 4.0, 6.0])
    )
    features = fit_features(ClicksInMemory(clicks), ["value"])
    assert features == (Value(mean=4.0, std=math.sqrt(8 / 3)),)
    encoded = encode_features((Value(mean=4.0, std=2.0),), [0] * 4, [None] * 4, np.array([2.0, np.nan, 9.0, -1e300]))
    assert encoded[:, 0].tolist() == [-1.0, 0.0, 2.5, -10.0]


def test_data_without_values_cannot_have_that_feature() -> None:
    """The message says what to leave out."""
    with pytest.raises(DataError, match="leave the feature value out"):
        fit_features(ClicksInMemory(make_clicks("ann A 0 s")), ["value"])


def test_statistics_do_not_depend_on_order_and_pieces() -> None:
    """A sum in order of size differs from one in another order, in floating point: these are exact."""
    numbers = [1e16, 1.0, -1e16, 3.0, 0.1, 0.2, 0.3]
    whole = mean_and_deviation(lambda: [np.array(numbers)])
    assert whole == mean_and_deviation(lambda: [np.array(numbers[4:]), np.array([]), np.array(numbers[3::-1])])
    assert whole is not None
    assert whole[0] == 4.6 / 7
    assert mean_and_deviation(lambda: [np.array([])]) is None
