"""What came out, for a person and for a file."""

import json
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.bars import judged
from benchmarks.measures import Measure

# Figures below this are shown with three digits behind the point.
SMALL = 100


def print_tables(measures: Mapping[str, Measure], console: Console) -> None:
    """Print every measure, and the bars beside those that have one."""
    table = Table(title="Median of the rounds, and their spread", title_justify="left")
    table.add_column("measure", no_wrap=True, min_width=40)
    for column in ("median", "min", "max"):
        table.add_column(column, justify="right")
    table.add_column("unit")
    for name, measure in measures.items():
        table.add_row(name, _spelled(measure.median), _spelled(measure.min), _spelled(measure.max), measure.unit)
    console.print(table)
    bars = Table(title="Bars", title_justify="left")
    bars.add_column("measure", no_wrap=True, min_width=40)
    bars.add_column("bar", no_wrap=True)
    bars.add_column("measured", justify="right")
    bars.add_column("")
    for bar, measure, is_met in judged(measures):
        bars.add_row(bar.measure, bar.text, _spelled(measure.median), "met" if is_met else "[bold red]not met[/]")
    if bars.row_count:
        console.print(bars)


def write_results(path: Path, machine: str, measures: Mapping[str, Measure]) -> None:
    """Write the results as JSON, figures with as many digits as mean anything."""
    body = {
        "machine": machine,
        "measures": {
            name: {
                "median": _rounded(measure.median),
                "min": _rounded(measure.min),
                "max": _rounded(measure.max),
                "unit": measure.unit,
            }
            for name, measure in measures.items()
        },
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(body, indent=2) + "\n", encoding="utf-8")


def _rounded(figure: float) -> float:
    """Keep five digits: a measure's spread is larger than the sixth."""
    return float(f"{figure:.5g}")


def _spelled(figure: float) -> str:
    return f"{figure:,.3f}" if abs(figure) < SMALL else f"{figure:,.0f}"
