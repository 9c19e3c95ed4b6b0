"""Pictures: names as they are, gaps where nothing is known, ticks that a person reads."""

import re
from datetime import UTC, datetime

import pytest

from models.evaluation.bootstrap import Difference
from nextclick.comparison.plots import (
    DifferenceSeries,
    ValueSeries,
    _date_ticks,
    _with_gaps,
    forest,
    shortened,
    time_differences,
    time_values,
)
from tests.click_tables import MAY_2024_MS

HOUR_MS = 3_600_000
SOME = Difference(0.02, 0.01, 0.03, 0.01)


@pytest.mark.parametrize(
    ("span_ms", "ticks"),
    [
        (0, ["00:00\n01 May"]),
        (20 * 60_000, ["00:00\n01 May", "00:05\n01 May", "00:10\n01 May", "00:15\n01 May", "00:20\n01 May"]),
        (23 * HOUR_MS, ["00:00\n01 May", "06:00\n01 May", "12:00\n01 May", "18:00\n01 May"]),
        (3 * 24 * HOUR_MS, ["00:00\n01 May", "12:00\n01 May", "00:00\n02 May"]),
        (5 * 24 * HOUR_MS, ["01 May", "02 May", "03 May", "04 May", "05 May", "06 May"]),
    ],
)
def test_ticks_are_round(span_ms: int, ticks: list[str]) -> None:
    """From an hour of minutes to months; never more than seven."""
    places, form = _date_ticks(MAY_2024_MS, MAY_2024_MS + span_ms)
    written = [datetime.fromtimestamp(place / 1000, UTC).strftime(form) for place in places]
    assert written[: len(ticks)] == ticks
    assert len(written) <= 7


def test_ticks_of_years() -> None:
    places, _ = _date_ticks(MAY_2024_MS, MAY_2024_MS + 3 * 365 * 24 * HOUR_MS)
    assert 3 <= len(places) <= 7


def test_a_night_without_clicks_is_a_gap() -> None:
    """What lies beside the axis is not drawn."""
    moments, (line,) = _with_gaps([None, 10, 20, 50, None], [[9, 1, 2, 5, 9]])
    assert moments == [10, 20, 30, 50]
    assert [str(value) for value in line] == ["1", "2", "nan", "5"]


def test_names_are_written_as_they_are() -> None:
    """No formula is made of dollars, no element of an angle bracket; long ones keep their end."""
    series = [DifferenceSeries(name, column, [SOME]) for column, name in enumerate(["$x$", "<b>&"], 1)]
    picture = forest("key", 'what "it" shows', ["<i>$label$"], series, "points")
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", picture)
    assert {"$x$", "&lt;b&gt;&amp;", "&lt;i&gt;$label$", "points"} <= set(texts)
    assert 'aria-label="what &quot;it&quot; shows"' in picture
    named = shortened("artifacts/2024-05-01/the-model-of-that-day")
    assert named == "\N{HORIZONTAL ELLIPSIS}-01/the-model-of-that-day"


def test_slices_without_figures_make_an_empty_picture() -> None:
    """Too small or beside the axis, all of them: no error, and nothing drawn."""
    starts = [None, MAY_2024_MS]
    differences = [DifferenceSeries("a", 1, [SOME, None])]
    assert time_differences("key", "shows", starts, differences, "points").startswith("<svg")
    assert time_values("key", "shows", starts, [ValueSeries("a", 0, [0.5, None])], "%").startswith("<svg")
