"""Times for a log that knows the day and the order of a session's clicks, but has no clock."""

import polars as pl

# A minute from one click to the next is a shopper's pace, and 999 of them still fit into the day.
MS_PER_CLICK = 60_000


def order_to_ms(year: pl.Expr, month: pl.Expr, day: pl.Expr, order: pl.Expr) -> pl.Expr:
    """Turn a day and a click's order (at most 999) into milliseconds since 1970 that sort alike, or null."""
    date = pl.format("{}-{}-{}", year, *(number.cast(pl.String).str.zfill(2) for number in (month, day)))
    midnight = date.str.to_datetime("%Y-%m-%d", strict=False, time_unit="ms").dt.epoch("ms")
    return midnight + order.cast(pl.Int64) * MS_PER_CLICK
