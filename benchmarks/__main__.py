"""`python -m benchmarks`: rounds of everything in the plan, then a table, the bars and the results as JSON."""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.bench import Bench
from benchmarks.brokers import BrokerChoice
from benchmarks.folders import BUILD, PEERS_PYTHON, RESULTS
from benchmarks.machine import LIBRARIES, available_cores, divide_cores
from benchmarks.plan import Part, all_parts, selected_parts
from benchmarks.report import print_tables, write_results
from benchmarks.scales import FULL, QUICK
from models.errors import NextclickError, SettingsError
from nextclick.machine import machine_line
from nextclick.signals import StoppedBySignal, raised_at_signal

LOG_WIDTH = 120

console = Console(stderr=True, highlight=False)


def main(
    bootstrap_servers: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="A broker that runs; each round gets topics of its own.")
    ] = None,
    kafka_cluster: Annotated[
        Path | None, typer.Option(metavar="SCRIPT", help="A cluster script: each round gets a node of its own.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this: `peer`, `latency.rate_1000`, ...; may be given several times."),
    ] = None,
    rounds: Annotated[int | None, typer.Option(min=1, help="How often everything is measured.")] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="A look at whether it all works; the figures mean little.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The results.", show_default="benchmarks/results.json if all is measured"),
    ] = None,
) -> None:
    """Measure throughput, peers, latency, onnxruntime alone, restore and scaling on this machine."""
    scale = QUICK if quick else FULL
    choice = BrokerChoice(bootstrap_servers, kafka_cluster)
    bench = Bench(choice, divide_cores(available_cores()), scale, PEERS_PYTHON, _say)
    parts = selected_parts(scale, only or [])
    if not parts:
        raise SettingsError("Nothing is called so. There are: " + ", ".join(part.name for part in all_parts(scale)))
    machine = f"{machine_line(LIBRARIES)}; {choice.name}"
    console.print(machine)
    try:
        with raised_at_signal():
            failures = _measure_rounds(bench, parts, rounds or scale.rounds)
    except StoppedBySignal as stopped:
        raise typer.Exit(stopped.exit_code) from stopped
    measures = bench.measures.by_name()
    # Into a file or a log, where there is no width to keep to, names come whole.
    print_tables(measures, Console(highlight=False, width=None if sys.stdout.isatty() else LOG_WIDTH))
    if failures:
        raise NextclickError(f"{len(failures)} failed, no results are written: {'; '.join(failures)}")
    path = out or (RESULTS if not (quick or only) else BUILD / "results.json")
    write_results(path, machine, measures)
    console.print(f"The results are in {path}.")


def _measure_rounds(bench: Bench, parts: list[Part], rounds: int) -> list[str]:
    """Measure every part in every round; return what failed, and why."""
    failures: list[str] = []
    for number in range(1, rounds + 1):
        bench.measures.begin_round()
        for part in parts:
            started_s = time.monotonic()
            console.print(f"[bold]round {number} of {rounds}[/]  {part.name}")
            try:
                part.measure(bench)
            except NextclickError as error:
                # The others can still be measured; but a run in which a list was wrong has no results.
                console.print(f"  [bold red]failed:[/] {error}", markup=True)
                failures.append(f"{part.name}, round {number}: {error}")
            _say(f"{time.monotonic() - started_s:.0f} s")
    return failures


def _say(what: str) -> None:
    console.print(f"  {what}", style="dim", markup=False)


if __name__ == "__main__":
    try:
        typer.run(main)
    except NextclickError as error:
        console.print(f"benchmarks: {error}", style="bold red", markup=False)
        sys.exit(1)
