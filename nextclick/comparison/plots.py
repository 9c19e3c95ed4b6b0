"""The pictures of a comparison: differences with their intervals as forests, the hour and the time line as lines.

Colours are of a palette that colour-blind people can tell apart (Okabe and Ito 2008), and every series has a marker of
its own. Differences are in points, figures in percent. What is too small is a gap.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from models.evaluation.bootstrap import Difference
from nextclick.comparison.svg import GRID, INK, MUTED, SERIES, WIDTH_INCHES, figure_style, inline_svg

_MARKERS = "osD^vPX"
# Where slices lie on the axis of time; None for one beside it.
Starts = Sequence[int | None]
_LONGEST_NAME = 26
_ROW_INCHES, _SERIES_INCHES, _FRAME_INCHES = 0.22, 0.16, 0.9
_LINE_PLOT_INCHES = 3.2
# How far apart the series of one row lie, in rows.
_SPREAD = 0.4
_TICKED_HOURS = range(0, 24, 3)
_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
_TICK_STEPS_MS = (
    *(minutes * 60_000 for minutes in (1, 5, 10, 30)),
    *(hours * _HOUR_MS for hours in (1, 2, 3, 6, 12)),
    *(days * _DAY_MS for days in (1, 2, 7, 14, 28, 91, 365)),
)
_MOST_TICKS = 6


@dataclass(frozen=True)
class DifferenceSeries:
    """A challenger's differences, one a slice; None where it is too small."""

    name: str
    column: int
    differences: Sequence[Difference | None]


@dataclass(frozen=True)
class ValueSeries:
    """A model's figures, one a slice; None where it is too small."""

    name: str
    column: int
    values: Sequence[float | None]
    is_popular: bool = False


def forest(key: str, description: str, labels: Sequence[str], series: Sequence[DifferenceSeries], axis: str) -> str:
    """Draw differences as points with their intervals, a row a label, zero in the middle of attention."""
    with figure_style():
        inches = _FRAME_INCHES + len(labels) * (_ROW_INCHES + _SERIES_INCHES * len(series))
        figure = Figure(figsize=(WIDTH_INCHES, inches))
        axes = figure.subplots()
        rows = np.arange(len(labels), dtype=float)
        for row in rows[1::2]:
            axes.axhspan(row - 0.5, row + 0.5, color=GRID, alpha=0.3, linewidth=0)
        for number, one in enumerate(series):
            _draw_intervals(axes, rows + _offset(number, len(series)), one, is_upright=False)
        axes.axvline(0, color=INK, linewidth=1)
        axes.set_yticks(rows, labels)
        axes.set_ylim(len(labels) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x")
        axes.xaxis.set_major_locator(MaxNLocator(6))
        axes.set_xlabel(axis)
        _add_legend(figure, axes, len(series))
        return inline_svg(figure, key, description)


def hours(key: str, description: str, positions: Sequence[float], series: Sequence[DifferenceSeries], axis: str) -> str:
    """Draw differences by the hour of the day."""
    with figure_style():
        figure, axes = _line_figure(axis)
        for number, one in enumerate(series):
            _draw_intervals(axes, np.array(positions) + _offset(number, len(series)), one, is_upright=True)
        axes.axhline(0, color=INK, linewidth=1)
        axes.set_xlim(-0.7, 23.7)
        axes.set_xticks(_TICKED_HOURS, [f"{hour:02}" for hour in _TICKED_HOURS])
        _add_legend(figure, axes, len(series))
        return inline_svg(figure, key, description)


def time_values(key: str, description: str, starts_ms: Starts, series: Sequence[ValueSeries], axis: str) -> str:
    """Draw the figures of all models over time."""
    with figure_style():
        figure, axes = _line_figure(axis)
        for one in series:
            moments, (values,) = _with_gaps(starts_ms, [[_scaled(value) for value in one.values]])
            if one.is_popular:
                axes.plot(moments, values, color=MUTED, linestyle="--", label=one.name)
            else:
                axes.plot(moments, values, **_line_look(one.name, one.column))
        axes.set_ylim(bottom=0)
        _finish_time_line(figure, axes, len(series))
        return inline_svg(figure, key, description)


def time_differences(
    key: str, description: str, starts_ms: Starts, series: Sequence[DifferenceSeries], axis: str
) -> str:
    """Draw differences over time, their intervals as bands."""
    with figure_style():
        figure, axes = _line_figure(axis)
        for one in series:
            found = one.differences
            low = [_scaled(None if difference is None else difference.low) for difference in found]
            high = [_scaled(None if difference is None else difference.high) for difference in found]
            values = [_scaled(None if difference is None else difference.value) for difference in found]
            moments, (low, high, values) = _with_gaps(starts_ms, [low, high, values])
            look = _line_look(one.name, one.column)
            axes.fill_between(moments, low, high, color=look["color"], alpha=0.22, linewidth=0)
            axes.plot(moments, values, **look)
        _finish_time_line(figure, axes, len(series))
        axes.axhline(0, color=INK, linewidth=1)
        return inline_svg(figure, key, description)


def shortened(name: str) -> str:
    """Return a name that fits into a legend, its end kept: what tells models apart is there."""
    return name if len(name) <= _LONGEST_NAME else "\N{HORIZONTAL ELLIPSIS}" + name[-_LONGEST_NAME + 1 :]


def _draw_intervals(axes: Axes, places: NDArray[np.float64], series: DifferenceSeries, *, is_upright: bool) -> None:
    shown = [(place, found) for place, found in zip(places, series.differences, strict=True) if found is not None]
    along = [place for place, _ in shown]
    values = [100 * found.value for _, found in shown]
    # Percentile intervals need not hold the value in their middle, nor, with few users, at all.
    reach = [[100 * max(0.0, found.value - found.low) for _, found in shown]]
    reach.append([100 * max(0.0, found.high - found.value) for _, found in shown])
    axes.errorbar(
        along if is_upright else values,
        values if is_upright else along,
        **{"yerr" if is_upright else "xerr": reach},  # type: ignore[arg-type]
        fmt=_MARKERS[series.column % len(_MARKERS)],
        color=SERIES[series.column % len(SERIES)],
        markersize=5,
        elinewidth=1.6,
        label=shortened(series.name),
    )


def _line_figure(axis: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH_INCHES, _LINE_PLOT_INCHES))
    axes = figure.subplots()
    axes.grid(axis="y")
    axes.set_ylabel(axis)
    axes.tick_params(axis="y", labelcolor=MUTED, color=GRID)
    return figure, axes


def _finish_time_line(figure: Figure, axes: Axes, count: int) -> None:
    drawn = np.concatenate([np.asarray(line.get_xydata(), dtype=np.float64) for line in axes.lines])
    drawn_ms = drawn[np.isfinite(drawn[:, 1]), 0]
    if len(drawn_ms):
        first_ms, last_ms = int(drawn_ms.min()), int(drawn_ms.max())
        ticks_ms, form = _date_ticks(first_ms, last_ms)
        axes.set_xticks(ticks_ms, [datetime.fromtimestamp(tick / 1000, UTC).strftime(form) for tick in ticks_ms])
        # Slices at the ends that are too small leave no empty half.
        margin_ms = 0.03 * (last_ms - first_ms) + 1
        axes.set_xlim(first_ms - margin_ms, last_ms + margin_ms)
    _add_legend(figure, axes, count)


def _date_ticks(first_ms: int, last_ms: int) -> tuple[range, str]:
    """Return where ticks are, and how they are written; matplotlib's own do not reach from minutes to months."""
    span_ms = last_ms - first_ms
    step_ms = next((step for step in _TICK_STEPS_MS if span_ms <= _MOST_TICKS * step), _TICK_STEPS_MS[-1])
    from_ms = -(-first_ms // step_ms) * step_ms
    return range(from_ms, last_ms + 1, step_ms), "%d %b" if step_ms >= _DAY_MS else "%H:%M\n%d %b"


def _line_look(name: str, column: int) -> dict[str, Any]:
    return {
        "color": SERIES[column % len(SERIES)],
        "marker": _MARKERS[column % len(_MARKERS)],
        "markersize": 3.5,
        "linewidth": 1.5,
        "label": shortened(name),
    }


def _add_legend(figure: Figure, axes: Axes, count: int) -> None:
    if count > 1:
        handles, names = axes.get_legend_handles_labels()
        figure.legend(handles, names, loc="outside upper left", ncols=2, handletextpad=0.5, columnspacing=1.5)


def _offset(number: int, count: int) -> float:
    return 0.0 if count == 1 else _SPREAD * (number / (count - 1) - 0.5)


def _scaled(value: float | None) -> float:
    return math.nan if value is None else 100 * value


def _with_gaps(starts_ms: Starts, lines: Sequence[Sequence[float]]) -> tuple[list[int], list[list[float]]]:
    """Return the moments and the lines, with a gap wherever slices between two others have no clicks at all.

    What lies beside the axis is left out.
    """
    on_axis = [(start_ms, place) for place, start_ms in enumerate(starts_ms) if start_ms is not None]
    width_ms = min((after[0] - before[0] for before, after in pairwise(on_axis)), default=0)
    moments: list[int] = []
    drawn: list[list[float]] = [[] for _ in lines]
    behind_ms = on_axis[0][0]
    for start_ms, place in on_axis:
        if start_ms > behind_ms:
            moments.append(behind_ms)
            for line in drawn:
                line.append(math.nan)
        moments.append(start_ms)
        for line, values in zip(drawn, lines, strict=True):
            line.append(values[place])
        behind_ms = start_ms + width_ms
    return moments, drawn
