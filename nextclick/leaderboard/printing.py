"""The leaderboard on a terminal, and its files."""

from pathlib import Path

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from nextclick.comparison.output_files import write_whole
from nextclick.leaderboard.board import Leaderboard, Line
from nextclick.leaderboard.markdown import markdown_page
from nextclick.leaderboard.plot import draw_leaderboard

JSON_FILE, PAGE_FILE, PICTURE_FILE = "leaderboard.json", "leaderboard.md", "leaderboard.png"


def write_leaderboard(leaderboard: Leaderboard, folder: Path) -> tuple[Path, ...]:
    """Write the table for a machine, the page and the picture, and return where."""
    encoded = msgspec.json.format(msgspec.json.encode(leaderboard), indent=1) + b"\n"
    files = {JSON_FILE: encoded, PAGE_FILE: markdown_page(leaderboard, picture=None).encode()}
    if leaderboard.lines:
        files[PAGE_FILE] = markdown_page(leaderboard, picture=PICTURE_FILE).encode()
        files[PICTURE_FILE] = draw_leaderboard(leaderboard)
    for name, content in files.items():
        write_whole(folder / name, content, force=True)
    return tuple(folder / name for name in files)


def print_leaderboard(leaderboard: Leaderboard, written: tuple[Path, ...], *, as_json: bool) -> None:
    """Print the leading figures of every model, or everything as JSON."""
    if as_json:
        typer.echo(msgspec.json.encode(leaderboard).decode())
        return
    console = Console()
    for dataset in dict.fromkeys(line.dataset for line in leaderboard.lines):
        console.print(_table(dataset, [line for line in leaderboard.lines if line.dataset == dataset]))
    files = ", ".join(escape(str(path)) for path in written)
    missing = ", ".join(escape(one.entry) for one in leaderboard.head.missing)
    not_measured = f" Not measured: {missing}." if missing else ""
    console.print(f"Written: {files}.{not_measured}", highlight=False, soft_wrap=True)


def _table(dataset: str, lines: list[Line]) -> Table:
    table = Table("model", "by", "value", "95 %", "µs a click", title=escape(dataset))
    for line in lines:
        interval = line.figures[line.leading]
        cost = line.figures.get("microseconds_per_click")
        table.add_row(
            escape(line.model),
            line.leading,
            f"{interval.value:.4f}",
            f"{interval.low:.4f} to {interval.high:.4f}",
            "" if cost is None else f"{cost.value:.1f}",
        )
    return table
