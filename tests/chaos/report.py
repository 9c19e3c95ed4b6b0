"""A run's report, for a person and for a machine."""

from collections.abc import Iterator, Mapping

from rich.console import Console
from rich.table import Table

from tests.chaos.run import ChaosReport

DETAILS_SHOWN = 5


def print_report(report: ChaosReport, console: Console) -> None:
    """Print what was done, what was counted, and every promise that was broken."""
    table = Table(title="Chaos", show_header=False)
    for name, value in rows(report):
        table.add_row(name, str(value))
    console.print(table)
    for violation, details in report.verdict.violations.items():
        console.print(f"[bold red]{violation}[/]: {len(details)}", highlight=False)
        for detail in details[:DETAILS_SHOWN]:
            console.print(f"    {detail}", markup=False, highlight=False)
    if report.holds:
        console.print("[bold green]Nothing lost, nothing applied twice, every list and every state right.[/]")


def rows(report: ChaosReport) -> Iterator[tuple[str, object]]:
    """Yield the lines of the report's table."""
    for fault, count in sorted(report.faults.items()):
        yield fault, count
    yield "faults left out", report.faults_left_out
    yield "workers that ended by themselves, by exit code", _counts(report.exit_codes)
    yield "workers asked to end, by exit code", _counts(report.stop_codes)
    load = report.load
    yield "clicks sent, acknowledged, failed", f"{load.sent}, {load.acknowledged}, {load.failed}"
    yield "load behind its schedule at most", f"{load.most_behind_s:.1f} s"
    yield "clicks not processed in the end", sum(report.unprocessed.values())
    for name, count in report.verdict.counts.items():
        yield name, f"{count} (at most {report.stale_states_allowed})" if name == "stale states" else count


def as_json(report: ChaosReport) -> dict[str, object]:
    """Return the report as JSON takes it."""
    return {
        "holds": report.holds,
        "faults": dict(report.faults),
        "faults_left_out": report.faults_left_out,
        "exit_codes": dict(report.exit_codes),
        "stop_codes": dict(report.stop_codes),
        "sent": report.load.sent,
        "acknowledged": report.load.acknowledged,
        "failed": report.load.failed,
        "unprocessed": report.unprocessed,
        "stale_states_allowed": report.stale_states_allowed,
        "counts": dict(report.verdict.counts),
        "violations": {name: len(details) for name, details in report.verdict.violations.items()},
    }


def _counts(counts: Mapping[int, int]) -> str:
    return ", ".join(f"{code}: {count}" for code, count in sorted(counts.items())) or "none"
