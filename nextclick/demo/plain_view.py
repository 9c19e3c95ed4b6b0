"""A line every few seconds, where nobody looks at a terminal: a pipe, a log, CI."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console

from nextclick.demo.progress import ReplayProgress
from nextclick.demo.scoreboard import Figures, Scoreboard

LINE_EVERY_S = 5.0


class PlainView:
    """Prints the figures so far while its `with` block runs.

    Args:
        console: Where to.
        scoreboard: The figures.
        progress: How far it is.
    """

    def __init__(self, console: Console, scoreboard: Scoreboard, progress: ReplayProgress) -> None:
        self._console = console
        self._scoreboard = scoreboard
        self._progress = progress
        self._printed_s = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass

    def show(self) -> None:
        """Print a line if the last one is some seconds old."""
        now_s = time.monotonic()
        if now_s - self._printed_s >= LINE_EVERY_S:
            self._printed_s = now_s
            figures = self._scoreboard.figures(time.perf_counter())
            self._console.print(line(self._progress, figures), markup=False, highlight=False, soft_wrap=True)


def line(progress: ReplayProgress, figures: Figures) -> str:
    """Say in one line how it stands."""
    parts = [f"{progress.sent:,} of {progress.total:,} clicks", f"{figures.lists_per_second:,.0f} lists/s"]
    parts += [
        f"{name} {figure:.4f} (popularity {figures.popularity[name]:.4f})" for name, figure in figures.model.items()
    ]
    if figures.latency is not None:
        parts.append(f"click to list p50 {figures.latency.p50_ms:.0f} ms, p99 {figures.latency.p99_ms:.0f} ms")
    return "  ".join(parts)
