import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.bars import BARS, Bar, judged
from benchmarks.measures import Measure
from benchmarks.plan import all_parts, selected_parts
from benchmarks.report import print_tables, write_results
from benchmarks.scales import FULL

MEASURES = {
    "ratio.faust.items_10240": Measure(11.9, 11.0, 13.0, "times"),
    "restore.memory.users_1000000": Measure(20.0, 19.0, 21.0, "s"),
    "throughput.items_1000.per_click": Measure(12_345.678, 12_000.0, 13_000.0, "clicks/s"),
}


@pytest.mark.parametrize(
    ("bar", "figure", "is_met"),
    [
        (Bar("a", least=12), 12.0, True),
        (Bar("a", least=12), 11.99, False),
        (Bar("a", most=2), 2.0, True),
        (Bar("a", most=2), 2.01, False),
    ],
)
def test_a_bar_is_met_at_its_bound(bar: Bar, figure: float, is_met: bool) -> None:
    assert bar.is_met_by(figure) == is_met


def test_a_median_is_held_against_its_bar() -> None:
    assert [(bar.measure, is_met) for bar, _, is_met in judged(MEASURES)] == [
        ("ratio.faust.items_10240", False),
        ("restore.memory.users_1000000", True),
    ]


def test_the_table_says_which_bars_are_met() -> None:
    out = io.StringIO()
    print_tables(MEASURES, Console(file=out, width=120))
    lines = [" ".join(line.replace("│", " ").replace("┃", " ").split()) for line in out.getvalue().splitlines()]
    assert "throughput.items_1000.per_click 12,346 12,000 13,000 clicks/s" in lines
    assert "ratio.faust.items_10240 at least 12 11.900 not met" in lines
    assert "restore.memory.users_1000000 at most 20 20.000 met" in lines


def test_results_are_one_machine_and_its_measures(tmp_path: Path) -> None:
    write_results(tmp_path / "new" / "results.json", "a machine", MEASURES)
    results = json.loads((tmp_path / "new" / "results.json").read_text())
    assert results["machine"] == "a machine"
    assert results["measures"]["throughput.items_1000.per_click"] == {
        "median": 12_346.0,
        "min": 12_000.0,
        "max": 13_000.0,
        "unit": "clicks/s",
    }


def test_a_name_selects_a_part_and_what_is_below_it() -> None:
    names = [part.name for part in selected_parts(FULL, ["throughput.items_10240", "peer"])]
    assert names == [
        "throughput.items_10240.per_click",
        "peer.faust.items_10240",
        "peer.quix.items_10240",
        "throughput.items_10240.per_batch",
    ]
    assert selected_parts(FULL, ["nothing"]) == []


def test_every_bar_is_measured_by_a_full_run() -> None:
    """A bar whose measure is misspelt would never be printed."""
    parts = [part.name for part in all_parts(FULL)]
    for bar in BARS:
        kind, *rest = bar.measure.split(".")
        stem = rest[-1] if kind in {"ratio", "restore"} else rest[0]
        assert any(stem in part for part in parts), bar.measure
