from datetime import UTC, datetime

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from models.datasets.order_of_day import order_to_ms

days = st.tuples(st.integers(4, 8), st.integers(1, 30), st.integers(1, 999))


def to_ms(month: int, day: int, order: int) -> int:
    milliseconds: int = pl.select(order_to_ms(*(pl.lit(number) for number in (2008, month, day, order)))).item()
    return milliseconds


def test_order_counts_minutes_from_midnight() -> None:
    """The first click of April 1st 2008 happened one minute after midnight."""
    assert datetime.fromtimestamp(to_ms(4, 1, 1) / 1000, UTC) == datetime(2008, 4, 1, 0, 1, tzinfo=UTC)


@given(days, days)
def test_times_sort_as_month_day_and_order_do(one: tuple[int, int, int], other: tuple[int, int, int]) -> None:
    """Two clicks are in the same order before and after, and equal ones stay equal."""
    assert (to_ms(*one) < to_ms(*other)) == (one < other)
    assert (to_ms(*one) == to_ms(*other)) == (one == other)
