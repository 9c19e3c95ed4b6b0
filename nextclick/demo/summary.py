"""What the demo did, for a person and as JSON."""

import os
import shutil
import sys
from pathlib import Path

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from nextclick.demo.latencies import LatencyReport


class DemoSummary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the demo did; it is only made once every check has held.

    Attributes:
        dataset: What was replayed.
        artifact: The folder of the model.
        broker: `embedded`, or the address of the user's.
        model_id: The model.
        reused: Steps whose results were there from a run before.
        clicks: Clicks sent at a pace; each has its list.
        users: Whose clicks they were.
        predictions: Clicks that were looked up in the list that the user had: all but each user's first.
        model: Recall@20 and MRR@20 of the published lists.
        popularity: The same of the items most clicked in training.
        latency: From sending a click to having read its list; at this pace.
        rate: Clicks a second, at most.
        burst_clicks: Clicks sent as fast as possible; each has its list.
        lists_per_second: Of the burst, from the first click's sending to the last list's reading.
        published_again: Lists that came once more: delivery is at least once.
        worker_log: What the worker wrote.
        seconds: The whole demo.
    """

    dataset: str
    artifact: str
    broker: str
    model_id: str
    reused: tuple[str, ...]
    clicks: int
    users: int
    predictions: int
    model: dict[str, float]
    popularity: dict[str, float]
    latency: LatencyReport
    rate: float
    burst_clicks: int
    lists_per_second: float
    published_again: int
    worker_log: str
    seconds: float


def print_summary(summary: DemoSummary, console: Console) -> None:
    """Print what happened and what to try next."""
    console.print()
    console.print(
        f"[bold]{summary.clicks:,} real clicks of {summary.users:,} users went through Kafka, one by one.[/] Each "
        "moved its user's LSTM state on by one step, and each got a fresh list of its own: none is missing.",
        highlight=False,
    )
    console.print()
    if summary.predictions:
        console.print(_figures(summary))
        console.print()
    console.print(_facts(summary))
    console.print()
    console.print("[bold]Try next[/]")
    for what_for, command in next_commands(summary.artifact):
        console.print(f"  [dim]{what_for:<22}[/][cyan]{escape(command)}[/]", highlight=False, soft_wrap=True)


def next_commands(artifact: str) -> list[tuple[str, str]]:
    """Return what to try: what for, and the command."""
    nextclick = program()
    return [
        ("what the model is", f"{nextclick} inspect {artifact}"),
        ("a list without Kafka", f'{nextclick} recommend {artifact} --history "star wars,fargo"'),
        ("your own clicks", f"{nextclick} broker"),
        ("  in a new terminal", f"{nextclick} topics create && {nextclick} worker --artifact {artifact}"),
        ("  in a third one", f'{nextclick} click alice "toy story" --artifact {artifact}'),
    ]


def program() -> str:
    """Return how to call nextclick from here: by its name where the shell finds it, else by its path."""
    if shutil.which("nextclick") is not None:
        return "nextclick"
    beside_python = Path(sys.executable).with_name("nextclick")
    if not beside_python.exists():
        return f"{sys.executable} -m nextclick"
    here = Path.cwd()
    return str(beside_python.relative_to(here) if beside_python.is_relative_to(here) else beside_python)


def _figures(summary: DemoSummary) -> Table:
    table = Table("", box=None, padding=(0, 2), header_style="dim")
    for name in summary.model:
        table.add_column(name, justify="right")
    for name, figures, style in (("LSTM", summary.model, "bold green"), ("popularity", summary.popularity, "")):
        table.add_row(name, *(f"{figure:.4f}" for figure in figures.values()), style=style)
    return table


def _facts(summary: DemoSummary) -> Table:
    latency = summary.latency
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row(
        "scored", f"{summary.predictions:,} clicks, each by its place in the list that its user had when clicking"
    )
    table.add_row(
        "click to list",
        f"p50 {latency.p50_ms:.0f} ms, p90 {latency.p90_ms:.0f} ms, p99 {latency.p99_ms:.0f} ms at up to "
        f"{summary.rate:g} clicks/s, from sending the click to having read its list",
    )
    who = "broker, worker and demo" if summary.broker == "embedded" else "worker and demo"
    table.add_row(
        "throughput",
        f"{summary.lists_per_second:,.0f} lists/s for {summary.burst_clicks:,} clicks at once; {who} on the same "
        f"{os.cpu_count()} cores",
    )
    table.add_row("model", escape(f"{summary.model_id} in {summary.artifact}"))
    table.add_row("worker's log", escape(summary.worker_log))
    return table
