import pytest

from models.errors import DataError
from nextclick.moments import parse_duration_ms, parse_moment, utc_text

NOW_MS = 1_714_521_600_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("45m", NOW_MS - 45 * 60_000),
        ("2h", NOW_MS - 7_200_000),
        ("7d", NOW_MS - 604_800_000),
        ("30s", NOW_MS - 30_000),
        ("2024-05-01", NOW_MS),
        ("2024-05-01T00:00", NOW_MS),
        ("2024-05-01 02:00:00+02:00", NOW_MS),
    ],
)
def test_a_date_or_how_long_ago(text: str, expected: int) -> None:
    """UTC where no zone is named."""
    assert parse_moment(text, NOW_MS) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "2 hours", "-1h", "1.5h", "2024-13-01", "9" * 40 + "d", "²h"])
def test_anything_else_is_refused(text: str) -> None:
    """In one sentence that says what to write."""
    with pytest.raises(DataError, match="is no time: write"):
        parse_moment(text, NOW_MS)


@pytest.mark.parametrize(
    ("text", "expected"), [("0", 0), ("500ms", 500), ("60s", 60_000), (" 10m ", 600_000), ("1h", 3_600_000)]
)
def test_a_duration_has_a_unit(text: str, expected: int) -> None:
    """But for none at all."""
    assert parse_duration_ms(text) == expected


@pytest.mark.parametrize("text", ["", "60", "-1s", "1.5h", "a while"])
def test_a_duration_without_one_is_refused(text: str) -> None:
    """In one sentence that says what to write."""
    with pytest.raises(DataError, match="is no duration: write 500ms, 60s"):
        parse_duration_ms(text)


def test_a_moment_for_a_person() -> None:
    """A time beyond the calendar is told as its number."""
    assert utc_text(NOW_MS) == "2024-05-01 00:00:00 UTC"
    assert utc_text(1 << 62) == f"{1 << 62} ms"
    assert utc_text(-1) == "1969-12-31 23:59:59 UTC"
