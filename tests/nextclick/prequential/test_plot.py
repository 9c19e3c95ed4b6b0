"""The running window over event time, and the files that it is drawn to."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from models.errors import RecordingError
from nextclick.prequential.plot import LEAST_CLICKS, plot_over_time, time_line
from tests.nextclick.prequential.made import make_outcomes


def test_means_are_those_of_the_window() -> None:
    """A click a second for half an hour: in its first half each is a hit at rank 2, in its second none."""
    line = time_line(make_outcomes([(2, 0)] * 900 + [(0, 1)] * 900))
    assert line.window_ms == 60_000
    assert line.clicks.tolist() == [60] * len(line.clicks)
    assert np.isnan(line.lists).all()
    line = time_line(make_outcomes([(2, 0)] * 9_000 + [(0, 1)] * 9_000, every_ms=100))
    assert (line.window_ms, set(line.clicks.tolist())) == (60_000, {600})
    assert line.lists[:, 0].tolist() == pytest.approx([1, 0.5, 1 / np.log2(3)])
    assert line.popular[:, 0].tolist() == [0, 0, 0]
    assert line.lists[:, -1].tolist() == [0, 0, 0]
    assert line.popular[:, -1].tolist() == [1, 1, 1]
    middle = np.searchsorted(line.moments_ms, line.moments_ms[0] - 60_000 + 900_000 + 30_000)
    assert line.lists[0, middle] == pytest.approx(0.5, abs=0.05)


def test_a_late_tail_does_not_squeeze_the_rest() -> None:
    """Two clicks of a hundred come weeks later: the time line ends where most of them are."""
    outcomes = make_outcomes([(1, 1)] * 5_000)
    weeks_later = outcomes.head(100).with_columns(timestamp_ms=pl.col("timestamp_ms") + 30 * 86_400_000)
    line = time_line(pl.concat([outcomes, weeks_later]))
    assert line.moments_ms[-1] - outcomes["timestamp_ms"][0] < 5_400_000
    assert (line.clicks >= LEAST_CLICKS).all()


def test_one_click_is_a_time_line() -> None:
    line = time_line(make_outcomes([(1, 1)]))
    assert line.clicks.max() == 1
    assert np.isnan(line.lists).all()


@pytest.mark.parametrize(("name", "head"), [("p.png", b"\x89PNG"), ("p.svg", b"<?xml")])
def test_a_plot_is_a_file_and_the_same_on_every_run(tmp_path: Path, name: str, head: bytes) -> None:
    outcomes = make_outcomes([(1, 0), (0, 2), (3, 1)] * 500)
    contents = []
    for folder in ("a", "b"):
        path = tmp_path / folder / name
        plot_over_time(outcomes, path, model_id="$x$ & <b>", list_length=10)
        contents.append(path.read_bytes())
    assert contents[0] == contents[1]
    assert contents[0].startswith(head)


def test_nothing_is_drawn_of_nothing_or_over_something(tmp_path: Path) -> None:
    path = tmp_path / "p.png"
    with pytest.raises(RecordingError, match="no click of the recording had a list"):
        plot_over_time(make_outcomes([]), path, model_id="m", list_length=10)
    path.write_text("mine")
    with pytest.raises(RecordingError, match="is there already"):
        plot_over_time(make_outcomes([(1, 1)]), path, model_id="m", list_length=10)
    assert path.read_text() == "mine"
