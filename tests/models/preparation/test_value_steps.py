import math

import polars as pl
import pytest

from models.errors import DataError
from models.preparation.click_parts import IS_TEST, ClicksInMemory
from models.preparation.prepared_data import ValueScale
from models.preparation.value_steps import normalise_values, take_dwell_times
from tests.click_tables import make_clicks


def make_rated(*values: float | None, tested: int = 0) -> ClicksInMemory:
    """Clicks with these values, the last `tested` of them for the test."""
    clicks = make_clicks(*(f"ann item {second} s" for second in range(len(values))))
    table = clicks.with_columns(value=pl.Series(values, dtype=pl.Float64))
    is_test = pl.Series(IS_TEST, [row >= len(values) - tested for row in range(len(values))])
    return ClicksInMemory.of_log(table).map(lambda part: part.with_columns(is_test))


def test_standard_values_have_mean_0_and_deviation_1_in_training() -> None:
    """The test is measured by training's figures; a click without a value stays without one."""
    parts, scale, step = normalise_values(make_rated(2.0, None, 4.0, 5.0, tested=1), "standard")
    (table,) = parts
    assert table["value"].to_list() == [-1.0, None, 1.0, 2.0]
    assert scale == ValueScale("standard", 3.0, 1.0)
    assert scale.original(2.0) == 5.0
    assert (step.name, step.changed, step.kept) == ("normalised values", 3, 4)
    assert step.reason == "standard: centre 3, scale 1, taken from the training clicks"


def test_min_max_values_lie_between_0_and_1() -> None:
    """Where all are alike they are divided by 1."""
    parts, _, _ = normalise_values(make_rated(2.0, 3.0, 6.0), "min-max")
    assert next(iter(parts))["value"].to_list() == [0.0, 0.25, 1.0]
    parts, scale, _ = normalise_values(make_rated(2.0, 2.0), "min-max")
    assert (next(iter(parts))["value"].to_list(), scale.scale) == ([0.0, 0.0], 1.0)


def test_logarithms_are_undone() -> None:
    """A long tail is pulled in, and what a model says can be read in the source's unit."""
    parts, scale, _ = normalise_values(make_rated(0.0, math.e - 1, math.e**2 - 1), "log-standard")
    values = next(iter(parts))["value"].to_list()
    assert values == pytest.approx([-math.sqrt(1.5), 0.0, math.sqrt(1.5)])
    assert [scale.original(value) for value in values] == pytest.approx([0.0, math.e - 1, math.e**2 - 1])


def test_values_that_cannot_be_normalised_are_errors() -> None:
    """None at all, and a logarithm of nothing."""
    with pytest.raises(DataError, match="No training click has a value"):
        normalise_values(make_rated(None, 3.0, tested=1), "standard")
    with pytest.raises(DataError, match="no log1p"):
        normalise_values(make_rated(-1.0, 3.0), "log-standard")


def test_a_dwell_time_ends_with_the_next_click() -> None:
    """Of the same session, and at the longest; the last click's is not known."""
    clicks = make_clicks("ann A 1000 s", "bob B 2000 t", "ann C 5000 s", "ann D 99000 s")
    parts, step = take_dwell_times(ClicksInMemory.of_log(clicks), longest_s=60)
    assert next(iter(parts))["value"].to_list() == [4.0, None, 60.0, None]
    assert (step.changed, step.kept) == (2, 4)
