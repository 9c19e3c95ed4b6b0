"""Timestamps as logs write them, turned into milliseconds since 1970 UTC."""

from typing import Literal, assert_never

import polars as pl

TimestampUnit = Literal["seconds", "milliseconds", "order", "iso"]
"""How a log tells the time.

`seconds` and `milliseconds` count from 1970 and may have a fraction; `order` is a whole number that only sorts the
clicks; `iso` is ISO 8601, in UTC where it names no zone.
"""

# A log that knows only the order of its clicks begins here: January 1st, 2000. From there on one unit of order is a
# millisecond, so orders of up to eleven digits are times that a worker accepts.
ORDER_START_MS = 946_684_800_000

MS_PER_HOUR = 3_600_000


def to_milliseconds(text: pl.Expr, unit: TimestampUnit) -> pl.Expr:
    """Parse timestamps.

    Args:
        text: String; blanks around the timestamp do not matter.
        unit: How the log tells the time.

    Returns:
        Int64 milliseconds since 1970, null where the text is no timestamp.
    """
    text = text.str.strip_chars()
    match unit:
        case "seconds":
            return _rounded(text.cast(pl.Float64, strict=False) * 1000)
        case "milliseconds":
            # Whole numbers keep every digit; a fraction goes the way through Float64.
            return pl.coalesce(text.cast(pl.Int64, strict=False), _rounded(text.cast(pl.Float64, strict=False)))
        case "order":
            return text.cast(pl.Int64, strict=False) + ORDER_START_MS
        case "iso":
            return _iso_to_milliseconds(text)
        case _:
            assert_never(unit)


def _rounded(number: pl.Expr) -> pl.Expr:
    return number.round().cast(pl.Int64, strict=False)


def _iso_to_milliseconds(text: pl.Expr) -> pl.Expr:
    normal = text.str.replace(" ", "T").str.replace("[zZ]$", "+00:00")
    with_zone = normal.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%:z", strict=False, time_unit="ms", time_zone="UTC")
    without_zone = [
        normal.str.to_datetime(form, strict=False, time_unit="ms")
        for form in ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d")
    ]
    return pl.coalesce([with_zone.dt.epoch("ms"), *(time.dt.epoch("ms") for time in without_zone)])
