import polars as pl
import pytest

from models.preparation.timestamps import ORDER_START_MS, TimestampUnit, to_milliseconds


@pytest.mark.parametrize(
    ("unit", "text", "expected"),
    [
        ("seconds", "964982495", 964982495000),
        ("seconds", " 964982495 ", 964982495000),
        ("seconds", "1396861020.277", 1396861020277),
        ("seconds", "-1", -1000),
        ("seconds", "nan", None),
        ("seconds", "inf", None),
        ("seconds", "1e30", None),
        ("milliseconds", "1506826828020", 1506826828020),
        ("milliseconds", "1506826828020.0", 1506826828020),
        ("milliseconds", "yesterday", None),
        ("milliseconds", "99999999999999999999", None),
        ("order", "7", ORDER_START_MS + 7),
        ("order", "7.5", None),
        ("iso", "2008-04-01", 1207008000000),
        ("iso", "2008-04-01T00:00", 1207008000000),
        ("iso", "2008-04-01 00:00:00.250", 1207008000250),
        ("iso", "2008-04-01T00:00:00Z", 1207008000000),
        ("iso", "2008-04-01T02:00:00+02:00", 1207008000000),
        ("iso", "2008-13-01", None),
        ("iso", "1207008000000", None),
    ],
)
def test_timestamps_become_milliseconds(unit: TimestampUnit, text: str, expected: int | None) -> None:
    """A timestamp in the log's unit becomes milliseconds since 1970, and what is none becomes null."""
    assert pl.select(to_milliseconds(pl.lit(pl.Series([text])), unit)).item() == expected
