"""Prequential figures over event time: a running window, the popular list beside it. From the extra `report`."""

from datetime import UTC, timedelta
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from numpy.typing import NDArray

from models.errors import RecordingError
from nextclick.file_writing import staged_file
from workers.prequential_tally import discounted_gains, reciprocal_ranks

SUFFIXES = (".png", ".svg")
MOMENTS = 400
# The window is the shortest of these in which a time line of this many windows fits.
WINDOWS_S = (60, 300, 900, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 604_800, 2_592_000)
MOST_WINDOWS = 30
# Below that a window's figure says more of chance than of the lists: a gap.
LEAST_CLICKS = 100
# Some clicks come weeks late, and clocks go wrong: what is drawn is the time at which most clicks are, and a margin, in
# which those of an even stream all lie.
_MOST, _MARGIN = 0.95, 0.06
# Okabe and Ito's blue and vermilion: told apart by all eyes, and in print by the dashes.
_LISTS, _POPULAR, _MUTED, _GRID = "#0072b2", "#d55e00", "#5f6368", "#e3e5e8"
_STYLE = {
    "backend": "agg",
    "svg.hashsalt": "nextclick",
    "text.parse_math": False,
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#9aa0a6",
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": _GRID,
    "grid.linewidth": 0.8,
    "xtick.color": _MUTED,
    "ytick.color": _MUTED,
    "timezone": "UTC",
    "figure.constrained_layout.use": True,
}


class TimeLine(NamedTuple):
    """Means over a running window, T moments.

    Attributes:
        moments_ms: The windows' ends, (T,).
        window_ms: Their length.
        clicks: How many clicks each holds, (T,).
        lists: HitRate@K, MRR@K and NDCG@K of the lists, not a number where there are too few clicks, (3, T).
        popular: Those of the popular list.
    """

    moments_ms: NDArray[np.int64]
    window_ms: int
    clicks: NDArray[np.int64]
    lists: NDArray[np.float64]
    popular: NDArray[np.float64]


def time_line(outcomes: pl.DataFrame) -> TimeLine:
    """Return the figures of these outcomes, at least one, over the event time at which most of them are."""
    ordered = outcomes.sort("timestamp_ms")
    at_ms = ordered["timestamp_ms"].to_numpy()
    first_ms, last_ms = _busy_time(at_ms)
    window_ms = _window_ms(last_ms - first_ms)
    moments_ms = np.linspace(min(first_ms + window_ms, last_ms), last_ms, MOMENTS).astype(np.int64)
    begins = np.searchsorted(at_ms, moments_ms - window_ms, side="right")
    ends = np.searchsorted(at_ms, moments_ms, side="right")
    means = [_window_means(ordered[column].to_numpy(), begins, ends) for column in ("rank", "popular_rank")]
    return TimeLine(moments_ms, window_ms, ends - begins, *means)


def _busy_time(at_ms: NDArray[np.int64]) -> tuple[int, int]:
    """Return the shortest stretch of time that has `_MOST` of the clicks, with a margin; their times ascend."""
    held = max(1, round(_MOST * len(at_ms)))
    lengths = at_ms[held - 1 :] - at_ms[: len(at_ms) - held + 1]
    begins = int(lengths.argmin())
    margin_ms = int(_MARGIN * lengths[begins])
    return (
        max(int(at_ms[0]), int(at_ms[begins]) - margin_ms),
        min(int(at_ms[-1]), int(at_ms[begins + held - 1]) + margin_ms),
    )


def _window_ms(span_ms: int) -> int:
    fitting = (1_000 * length for length in WINDOWS_S if 1_000 * length * MOST_WINDOWS >= span_ms)
    return next(fitting, 1_000 * WINDOWS_S[-1])


def _window_means(rank: NDArray[np.int32], begins: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the means of the three gains between these clicks, (3, T)."""
    gains = np.stack([rank > 0, reciprocal_ranks(rank), discounted_gains(rank)])
    sums = np.pad(np.cumsum(gains, axis=1), ((0, 0), (1, 0)))
    clicks = ends - begins
    return np.where(clicks >= LEAST_CLICKS, (sums[:, ends] - sums[:, begins]) / np.maximum(clicks, 1), np.nan)


def plot_over_time(outcomes: pl.DataFrame, path: Path, *, model_id: str, list_length: int) -> None:
    """Draw the figures over event time.

    Args:
        outcomes: What became of the lists.
        path: *.png or *.svg; nothing may be there.
        model_id: Whose lists they are.
        list_length: K.

    Raises:
        RecordingError: If there is no outcome, or the file cannot be written.
    """
    if outcomes.is_empty():
        raise RecordingError(f"{path} is not drawn: no click of the recording had a list to be found in.")
    line = time_line(outcomes)
    with staged_file(path, SUFFIXES) as staging, mpl.rc_context({**mpl.rcParamsDefault, **_STYLE}):  # type: ignore[dict-item]
        figure = _drawn(line, model_id, list_length)
        metadata = {"Date": None} if path.suffix == ".svg" else {}
        figure.savefig(staging, dpi=150, metadata=metadata)


def _drawn(line: TimeLine, model_id: str, list_length: int) -> Figure:
    figure = Figure(figsize=(9, 8.5))
    panels: list[Axes] = list(figure.subplots(4, 1, sharex=True, height_ratios=(3, 3, 3, 1.3)))
    moments = line.moments_ms.astype("datetime64[ms]")
    for row, name in enumerate(("HitRate", "MRR", "NDCG")):
        axes = panels[row]
        axes.plot(moments, line.lists[row], color=_LISTS, linewidth=2, label="lists that users had")
        axes.plot(moments, line.popular[row], color=_POPULAR, linewidth=2, linestyle="--", label="popular list")
        axes.set_ylim(bottom=0)
        axes.set_title(f"{name}@{list_length}", loc="left", fontsize=11, fontweight="bold")
    panels[3].fill_between(moments, line.clicks, color=_MUTED, alpha=0.35, linewidth=0)
    panels[3].set_ylim(bottom=0)
    panels[3].set_title("clicks in the window", loc="left", fontsize=10)
    panels[3].yaxis.set_major_formatter("{x:,.0f}")
    locator = AutoDateLocator(tz=UTC)  # type: ignore[no-untyped-call]
    panels[3].xaxis.set_major_locator(locator)
    panels[3].xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=UTC))  # type: ignore[no-untyped-call]
    panels[3].margins(x=0.01)
    panels[3].set_xlabel("event time, UTC", color=_MUTED)
    panels[0].legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False, borderaxespad=0)
    window = _spelled(timedelta(milliseconds=line.window_ms))
    title = f"Model {model_id}: each click against the list that its user had; means of {window}"
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def _spelled(window: timedelta) -> str:
    seconds = int(window.total_seconds())
    for name, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds % length == 0:
            count = seconds // length
            return name if count == 1 else f"{count} {name}s"
    return f"{seconds} seconds"
