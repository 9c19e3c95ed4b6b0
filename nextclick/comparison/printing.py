"""A comparison for a terminal; nothing of a record reaches it unescaped."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from nextclick.comparison.bootstrap import Difference
from nextclick.comparison.comparing import ComparedFamily, Comparison
from nextclick.comparison.disagreement import Disagreement, ItemChange
from nextclick.comparison.extremes import extreme_slices, extremes_text
from nextclick.comparison.measures import MEASURES, Measure
from nextclick.comparison.notes import doubts_of, how_to_read
from nextclick.comparison.verdict import Finding, percent, points, sentence
from nextclick.printable import printable

_STYLES = {Finding.BETTER: "bold green", Finding.WORSE: "bold red"}
# The others are long: they are in the report and in the JSON.
_SHOWN_FAMILIES = ("history_length", "user_age", "item_popularity", "item_known", "strategy")
_SHOWN_ITEMS = 3


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
        console.print(_slices(comparison, disagreement.column, names))
        _print_disagreement(console, disagreement, names)
        hours = next(compared for compared in comparison.families if compared.family.key == "hour")
        said = extremes_text(*extreme_slices(hours, disagreement.column, comparison.plan.measure))
        if said:
            console.print(Text(f"Hours, UTC: {names[disagreement.column]} {said}."))
    console.print()
    for note in how_to_read(comparison):
        console.print(Text(note, "dim"))


def _figures(comparison: Comparison, names: list[str]) -> Table:
    table = _table("", *(f"{measure}@{comparison.list_length} %" for measure in MEASURES), numbers=len(MEASURES))
    for column, name in enumerate([*names, "popular list"]):
        cells = [Text(name, "dim" if column == comparison.popular_column else "")]
        cells += [Text(percent(comparison.whole.value(column, measure))) for measure in MEASURES]
        table.add_row(*cells)
        if column:
            differences = (comparison.whole.differences[column, measure] for measure in MEASURES)
            table.add_row("", *(Text(interval_text(one), "dim") for one in differences))
    return table


def _slices(comparison: Comparison, column: int, names: list[str]) -> Table:
    measure = comparison.plan.measure
    table = _table(
        f"{measure}@{comparison.list_length} %", "clicks", "users", names[0], names[column], "difference", numbers=5
    )
    for compared in comparison.families:
        if compared.family.key in _SHOWN_FAMILIES:
            table.add_section()
            table.add_row(Text(compared.family.title, "bold"))
            _add_slices(table, compared, column, measure)
    return table


def _add_slices(table: Table, compared: ComparedFamily, column: int, measure: Measure) -> None:
    for label, figures in zip(compared.family.labels, compared.figures, strict=True):
        difference = figures.differences.get((column, measure))
        table.add_row(
            Text(f"  {printable(label)}"),
            f"{figures.clicks:,}",
            f"{figures.users:,}",
            percent(figures.value(0, measure)),
            percent(figures.value(column, measure)),
            Text("too small", "dim") if difference is None else Text(interval_text(difference)),
        )


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


def interval_text(difference: Difference) -> str:
    """Return a difference and its interval, in points."""
    return f"{points(difference.value)} [{points(difference.low)}, {points(difference.high)}]"


def _table(*headers: str, numbers: int) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for place, header in enumerate(headers):
        table.add_column(Text(header), justify="right" if place >= len(headers) - numbers else "left", no_wrap=True)
    return table
