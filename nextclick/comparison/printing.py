"""A comparison for a terminal; nothing of a record reaches it unescaped."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from models.evaluation.bootstrap import Difference
from nextclick.comparison.comparing import Comparison
from nextclick.comparison.disagreement import Disagreement, ItemChange
from nextclick.comparison.extremes import extreme_slices, extremes_text
from nextclick.comparison.figures import ClickFigures
from nextclick.comparison.measures import MEASURES, Measure
from nextclick.comparison.notes import doubts_of, how_to_read
from nextclick.comparison.verdict import Finding, percent, points, sentence
from nextclick.printable import printable

_STYLES = {Finding.BETTER: "bold green", Finding.WORSE: "bold red"}
# The others are long: they are in the report and in the JSON.
_SHOWN_FAMILIES = ("history_length", "user_age", "item_popularity", "item_known", "strategy")
_SHOWN_ITEMS = 3
# Columns of a terminal that has room for how many users a slice is of; every table fits into 80.
_WIDE = 90


def print_comparison(console: Console, comparison: Comparison) -> None:
    """Print verdicts, figures, slices, and where the models part."""
    names = [model.name for model in comparison.models]
    for verdict in comparison.verdicts:
        said = sentence(verdict, names[verdict.column], names[0], comparison.whole, comparison.list_length)
        console.print(Text(said, _STYLES.get(verdict.finding, "bold")))
    for doubt in doubts_of(comparison):
        console.print(Text(doubt, "yellow"))
    console.print()
    console.print(_figures(comparison, names))
    for disagreement in comparison.disagreements:
        console.print()
        measure = f"{comparison.plan.measure}@{comparison.list_length}, %"
        console.print(Text(f"{names[disagreement.column]} against {names[0]}: {measure}", "bold"))
        console.print(_slices(comparison, disagreement.column, with_users=console.width >= _WIDE))
        _print_disagreement(console, disagreement, names)
        hours = next(compared for compared in comparison.families if compared.family.key == "hour")
        said = extremes_text(*extreme_slices(hours, disagreement.column, comparison.plan.measure))
        if said:
            console.print(Text(f"Hours, UTC: {names[disagreement.column]} {said}."))
    console.print()
    for note in how_to_read(comparison):
        console.print(Text(note, "dim"))


def _figures(comparison: Comparison, names: list[str]) -> Table:
    table = _table("", *(f"{measure}@{comparison.list_length} %" for measure in MEASURES))
    for column, name in enumerate([*names, "popular list"]):
        values = (percent(comparison.whole.value(column, measure)) for measure in MEASURES)
        table.add_row(Text(name, "dim" if column == comparison.popular_column else ""), *map(Text, values))
        if column:
            differences = [comparison.whole.differences[column, measure] for measure in MEASURES]
            table.add_row(Text("  difference", "dim"), *(Text(points(one.value), "dim") for one in differences))
            table.add_row(Text("  95 % interval", "dim"), *(Text(_interval(one), "dim") for one in differences))
    return table


def _slices(comparison: Comparison, column: int, *, with_users: bool) -> Table:
    counts = ("clicks", "users") if with_users else ("clicks",)
    table = _table("", *counts, "reference", "challenger", "difference")
    for compared in comparison.families:
        if compared.family.key in _SHOWN_FAMILIES:
            table.add_row(Text(compared.family.title, "bold"))
            for label, figures in zip(compared.family.labels, compared.figures, strict=True):
                cells = _slice_cells(figures, column, comparison.plan.measure)
                said = [f"{count:,}" for count in (figures.clicks, figures.users)][: len(counts)]
                table.add_row(Text(f"  {printable(label)}"), *said, *cells)
    return table


def _slice_cells(figures: ClickFigures, column: int, measure: Measure) -> tuple[str, str, Text]:
    difference = figures.differences.get((column, measure))
    judged = Text("too small", "dim")
    if difference is not None:
        judged = Text(f"{points(difference.value)} [{points(difference.low)}, {points(difference.high)}]")
    return percent(figures.value(0, measure)), percent(figures.value(column, measure)), judged


def _print_disagreement(console: Console, disagreement: Disagreement, names: list[str]) -> None:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1))
    for name, clicks in (
        ("listed by both", disagreement.both),
        (f"only by {names[disagreement.column]}", disagreement.only_challenger),
        (f"only by {names[0]}", disagreement.only_reference),
        ("by neither", disagreement.neither),
    ):
        table.add_row(Text(name, "dim"), Text(f"{clicks:,} clicks", justify="right"))
    console.print()
    console.print(table)
    for said, items in (("gains most at", disagreement.gained), ("loses most at", disagreement.lost)):
        if items:
            shown = ", ".join(_item_text(item) for item in items[:_SHOWN_ITEMS])
            console.print(Text(f"Items: {names[disagreement.column]} {said} {shown}."))


def _item_text(item: ItemChange) -> str:
    return f"{printable(item.item_id)} ({item.reference_hits:,} -> {item.challenger_hits:,} of {item.clicks:,} clicks)"


def _interval(difference: Difference) -> str:
    return f"{points(difference.low)} to {points(difference.high)}"


def _table(name: str, *numbers: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column(Text(name), overflow="fold")
    for number in numbers:
        table.add_column(Text(number), justify="right", no_wrap=True)
    return table
