"""What a person sees while the clicks flow: a few users, the figures so far, and how far it is."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from export.catalogue import Catalogue
from models.sequences.vocabulary import ItemId
from nextclick.demo.cards import Cards
from nextclick.demo.progress import ReplayProgress
from nextclick.demo.scoreboard import CLICKS_SHOWN, Figures, RankedClick, Scoreboard, UserView

REFRESHES_PER_S = 8
# Lines of the head, of the figures and of a card, borders included.
HEAD_LINES, FIGURE_LINES, CARD_LINES = 3, 5, CLICKS_SHOWN + 3
# The recall at which a bar is full: few recommenders of single next clicks get there.
FULL_BAR = 0.5
ORDINALS = {1: "1st", 2: "2nd", 3: "3rd"}


class LiveView:
    """Draws the replay on the whole terminal while its `with` block runs.

    Args:
        console: A terminal.
        scoreboard: The users and the figures.
        catalogue: The titles.
        progress: How far it is.
    """

    def __init__(
        self, console: Console, scoreboard: Scoreboard, catalogue: Catalogue, progress: ReplayProgress
    ) -> None:
        self._scoreboard = scoreboard
        self._catalogue = catalogue
        self._progress = progress
        self._cards = Cards(scoreboard)
        self._live = Live(self, console=console, screen=True, refresh_per_second=REFRESHES_PER_S)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self) -> None:
        """Do nothing: a thread draws, at its own pace."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = options.height or console.size.height
        count = max(1, (room - HEAD_LINES - FIGURE_LINES) // CARD_LINES)
        views = self._cards.views(count, time.monotonic())
        yield Group(self._head(), self._figures(options.max_width), *(card(view, self._catalogue) for view in views))

    def _head(self) -> RenderableType:
        progress = self._progress
        bar = Table.grid(expand=True, padding=(0, 1))
        bar.add_column(ratio=1)
        bar.add_column(justify="right", no_wrap=True)
        bar.add_row(
            ProgressBar(total=max(1, progress.total), completed=progress.sent),
            f"{progress.sent:,} of {progress.total:,} clicks",
        )
        return Group(Text.from_markup(f"[bold]nextclick[/]  {progress.title}", overflow="ellipsis"), bar, "")

    def _figures(self, width: int) -> RenderableType:
        figures = self._scoreboard.figures(time.perf_counter())
        both = Table.grid(expand=True, padding=(0, 2))
        both.add_column()
        both.add_column(ratio=1)
        both.add_row(_quality(figures, bar_width=max(4, width // 2 - 35)), _speed(figures))
        return Panel(both, border_style="dim", padding=(0, 1))


def _quality(figures: Figures, *, bar_width: int) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(width=bar_width)
    for _ in range(2):
        table.add_column(justify="right", no_wrap=True)
    table.add_row("", "", "[dim]Recall@20[/]", "[dim]MRR@20[/]")
    for name, of, style in (("LSTM", figures.model, "green"), ("popularity", figures.popularity, "yellow")):
        recall, mrr = of.get("Recall@20", 0.0), of.get("MRR@20", 0.0)
        bar = ProgressBar(total=FULL_BAR, completed=recall, complete_style=style, finished_style=style)
        table.add_row(name, bar, f"[bold]{recall:.4f}[/]", f"{mrr:.4f}")
    return table


def _speed(figures: Figures) -> Table:
    table = Table.grid(padding=(0, 1))
    for _ in range(2):
        table.add_column(no_wrap=True)
    latency = figures.latency
    spelt = "" if latency is None else f"p50 [bold]{latency.p50_ms:.0f}[/] ms, p99 {latency.p99_ms:.0f} ms"
    table.add_row("[dim]click to list[/]", spelt)
    table.add_row("[dim]lists[/]", f"{figures.lists:,}, [bold]{figures.lists_per_second:,.0f}[/]/s")
    table.add_row("[dim]clicks scored[/]", f"{figures.predictions:,}")
    return table


def card(view: UserView, catalogue: Catalogue) -> Panel:
    """Draw a user: the last clicks, where each stood in the list before it, and what is recommended next."""
    table = Table.grid(expand=True, padding=(0, 1))
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column(width=6, justify="right", no_wrap=True)
    table.add_column(width=2, justify="right", no_wrap=True)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_row("[dim]clicked, newest last[/]", "[dim]listed[/]", "", "[dim]recommended next[/]")
    clicks: list[RankedClick | None] = [*view.clicks, *([None] * CLICKS_SHOWN)]
    for line in range(CLICKS_SHOWN):
        click = clicks[line]
        item = view.items[line] if line < len(view.items) else None
        table.add_row(
            Text() if click is None else _clicked(click, catalogue),
            Text() if click is None else _was(click),
            Text(str(line + 1), style="dim"),
            Text("" if item is None else catalogue.title_of(ItemId(item))),
        )
    clicks_so_far = "1 click" if view.click_count == 1 else f"{view.click_count} clicks"
    return Panel(
        table,
        title=Text.assemble(("user ", "dim"), (view.user_id, "bold"), (f"  {clicks_so_far}", "dim")),
        title_align="left",
        border_style="cyan",
        padding=(0, 1),
    )


def _clicked(click: RankedClick, catalogue: Catalogue) -> Text:
    return Text(catalogue.title_of(ItemId(click.item_id)), style="bold green" if click.place is not None else "")


def _was(click: RankedClick) -> Text:
    """Say where the click's item stood in the list that the user had."""
    if click.place is not None:
        return Text(ORDINALS.get(click.place, f"{click.place}th"), style="bold green")
    return Text("-" if click.had_list else "", style="dim")
