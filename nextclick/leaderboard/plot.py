"""The leaderboard as a picture: a panel a data set, a model a row, its figures with their intervals.

From the extra `report`.
"""

import io
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nextclick.leaderboard.board import Leaderboard, Line

# Okabe and Ito's blue and vermilion: told apart by all eyes, and in print by the markers.
_COLORS, _MARKERS = ("#0072b2", "#d55e00"), ("o", "D")
_MUTED, _GRID = "#5f6368", "#e3e5e8"
_PANELS = (("MRR@20", "Recall@20"), ("RMSE", "MAE"))
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


def draw_leaderboard(leaderboard: Leaderboard) -> bytes:
    """Return the picture as PNG: the same leaderboard, the same bytes."""
    panels = _panels(leaderboard.lines)
    heights = [_FRAME_INCHES + _ROW_INCHES * len(lines) for _, _, lines in panels]
    with mpl.rc_context({**mpl.rcParamsDefault, **_STYLE}):
        figure = Figure(figsize=(_WIDTH_INCHES, sum(heights)))
        grid = figure.subplots(len(panels), 2, squeeze=False, sharey="row", height_ratios=heights)
        for row, (dataset, metrics, lines) in enumerate(panels):
            for column, metric in enumerate(metrics):
                _draw(grid[row, column], lines, metric, column)
            grid[row, 0].set_title(dataset, loc="left", fontweight="bold")
        file = io.BytesIO()
        # Without the library's version, which matplotlib writes into each file.
        figure.savefig(file, format="png", dpi=_DPI, metadata={"Software": None})
    return file.getvalue()


def _panels(lines: Sequence[Line]) -> list[tuple[str, tuple[str, str], list[Line]]]:
    """Return data set, the two figures to draw and the models that have them."""
    found = []
    for dataset in dict.fromkeys(line.dataset for line in lines):
        for metrics in _PANELS:
            shown = [line for line in lines if line.dataset == dataset and metrics[0] in line.figures]
            if shown:
                found.append((dataset, metrics, shown))
    return found


def _draw(axes: Axes, lines: Sequence[Line], metric: str, column: int) -> None:
    rows = np.arange(len(lines))
    figures = [line.figures[metric] for line in lines]
    values = np.array([figure.value for figure in figures])
    # Means over seeds lie within means of ends; rounding may put them a hair outside.
    errors = [
        np.maximum(values - [figure.low for figure in figures], 0),
        np.maximum([figure.high for figure in figures] - values, 0),
    ]
    axes.errorbar(
        values, rows, xerr=errors, fmt=_MARKERS[column], color=_COLORS[column], markersize=5, elinewidth=1.4, capsize=2
    )
    axes.set_yticks(rows, [line.model for line in lines])
    axes.set_ylim(len(lines) - 0.5, -0.5)
    axes.set_xlabel(metric, color=_MUTED)
    axes.margins(x=0.08)
