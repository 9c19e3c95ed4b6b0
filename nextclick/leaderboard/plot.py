"""The leaderboard as a picture: a panel a data set, a model a row, its figures with their intervals.

Below the models stand those that others report figures of: hollow, without an interval.

From the extra `report`.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nextclick.leaderboard.board import Leaderboard, Line
from nextclick.leaderboard.configuration import Published

# Okabe and Ito's blue and vermilion: told apart by all eyes, and in print by the markers.
_COLORS, _MARKERS = ("#0072b2", "#d55e00"), ("o", "D")
_MUTED, _GRID = "#5f6368", "#e3e5e8"
_STYLE: dict[Any, Any] = {
    "backend": "agg",
    "text.parse_math": False,
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.edgecolor": "#9aa0a6",
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "x",
    "grid.color": _GRID,
    "grid.linewidth": 0.8,
    "xtick.color": _MUTED,
    "ytick.major.size": 0,
    "figure.constrained_layout.use": True,
}
_WIDTH_INCHES, _ROW_INCHES, _FRAME_INCHES, _DPI = 9.0, 0.3, 1.0, 130
# More would touch each other.
_TICKS = 5


@dataclass(frozen=True)
class _Panel:
    """The models of one data set that have the same two figures.

    Attributes:
        title: Above it.
        headline: The two figures.
        lines: The best first.
        published: What others report of at least one of the figures.
    """

    title: str
    headline: tuple[str, str]
    lines: Sequence[Line]
    published: Sequence[Published]

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return len(self.lines) + len(self.published)


def draw_leaderboard(leaderboard: Leaderboard) -> bytes:
    """Return the picture as PNG: the same leaderboard, the same bytes."""
    panels = _panels(leaderboard)
    heights = [_FRAME_INCHES + _ROW_INCHES * panel.rows for panel in panels]
    with mpl.rc_context({**mpl.rcParamsDefault, **_STYLE}):
        figure = Figure(figsize=(_WIDTH_INCHES, sum(heights)))
        grid = figure.subplots(len(panels), 2, squeeze=False, sharey="row", height_ratios=heights)
        for row, panel in enumerate(panels):
            for column in range(2):
                _draw(grid[row, column], panel, column)
            grid[row, 0].set_title(panel.title, loc="left", fontweight="bold")
        file = io.BytesIO()
        # Without the library's version, which matplotlib writes into each file.
        figure.savefig(file, format="png", dpi=_DPI, metadata={"Software": None})
    return file.getvalue()


def _panels(leaderboard: Leaderboard) -> list[_Panel]:
    """Return a panel for every data set's models that rank, and one for those that rate."""
    lines_of: dict[tuple[str, tuple[str, str]], list[Line]] = {}
    for line in leaderboard.lines:
        lines_of.setdefault((line.dataset, line.headline), []).append(line)
    return [
        _Panel(
            f"{dataset}, ratings" if lines[0].rates else dataset,
            headline,
            lines,
            _published(leaderboard, dataset, headline),
        )
        for (dataset, headline), lines in lines_of.items()
    ]


def _published(leaderboard: Leaderboard, dataset: str, headline: tuple[str, str]) -> list[Published]:
    of_dataset = (one for one in leaderboard.published if one.dataset == dataset)
    return [one for one in of_dataset if not one.figures.keys().isdisjoint(headline)]


def _draw(axes: Axes, panel: _Panel, column: int) -> None:
    metric, color = panel.headline[column], _COLORS[column]
    figures = [line.figures[metric] for line in panel.lines]
    values = np.array([figure.value for figure in figures])
    # Means over seeds lie within means of ends; rounding may put them a hair outside.
    errors = [
        np.maximum(values - [figure.low for figure in figures], 0),
        np.maximum([figure.high for figure in figures] - values, 0),
    ]
    rows = np.arange(len(values))
    axes.errorbar(values, rows, xerr=errors, fmt=_MARKERS[column], color=color, markersize=5, elinewidth=1.4, capsize=2)
    for row, one in enumerate(panel.published, start=len(rows)):
        if metric in one.figures:
            axes.plot(one.figures[metric], row, _MARKERS[column], color=color, markerfacecolor="white", markersize=5)
    names = [*(line.model for line in panel.lines), *(f"{one.name} (published)" for one in panel.published)]
    axes.set_yticks(np.arange(panel.rows), names)
    axes.set_ylim(panel.rows - 0.5, -0.5)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=_TICKS))
    axes.set_xlabel(metric, color=_MUTED)
    axes.margins(x=0.08)
