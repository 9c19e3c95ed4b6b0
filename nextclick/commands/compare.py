"""`nextclick compare`: which of several models would have served a recording's users best."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nextclick.counts_options import CountsDelay, RecordedCounts, RecordedListsFile
from nextclick.options import ExcludeSeen, Limit
from nextclick.selection_options import Offsets, Partitions, Since, Until

if TYPE_CHECKING:
    from nextclick.recording.files import Recording

# Of fewer, the ends of a 95 % interval are themselves chance.
LEAST_RESAMPLES = 200


class MeasureName(StrEnum):
    """`nextclick.comparison.measures.Measure` by the names of a command line, which must not wait for numpy."""

    HIT_RATE = "hitrate"
    MRR = "mrr"
    NDCG = "ndcg"


def compare(
    artifacts: Annotated[
        list[Path], typer.Argument(metavar="REFERENCE CHALLENGER...", help="Two or more folders of artifacts.")
    ],
    recording: Annotated[Path, typer.Argument(metavar="RECORDING", help="The file that `nextclick record` wrote.")],
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Write a report, *.html, that opens by itself.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write everything for a machine, *.json.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite these files.")] = False,
    measure: Annotated[
        MeasureName, typer.Option("--measure", help="What verdict, slices and pictures go by.")
    ] = MeasureName.HIT_RATE,
    fail_if_worse: Annotated[
        bool, typer.Option("--fail-if-worse", help="Exit code 1 when a challenger is significantly worse, for CI.")
    ] = False,
    resamples: Annotated[
        int, typer.Option("--resamples", min=LEAST_RESAMPLES, max=100_000, metavar="N", help="Of the bootstrap.")
    ] = 2_000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of its draws: the same seed, the same intervals.")] = 0,
    exclude_seen: ExcludeSeen = None,
    counts_delay: CountsDelay = None,
    counts: RecordedCounts = None,
    lists: RecordedListsFile = None,
    partitions: Partitions = None,
    offsets: Offsets = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
) -> None:
    """Compare models on the same recorded clicks: which one had the next click in its list, and where they differ.

    Each artifact goes through the worker's own pipeline (`nextclick simulate`), each click is scored against the list
    that its user had before it, and the difference to the first artifact is judged by a paired bootstrap over users.
    The popular list stands beside them.

    Models with live counts are ranked without them, and it says so, unless `--counts-delay 60s` counts the recorded
    clicks, or `--counts` and `--lists` take what workers counted; models without are ranked as ever beside them.

    Example: `nextclick compare artifacts/today artifacts/new yesterday.parquet --report comparison.html`
    """
    from rich.console import Console  # noqa: PLC0415

    from nextclick.comparison.comparing import compare as compare_outcomes  # noqa: PLC0415
    from nextclick.comparison.figures import Plan  # noqa: PLC0415
    from nextclick.comparison.html_report import render_report, require_report_extra  # noqa: PLC0415
    from nextclick.comparison.json_report import comparison_as_json  # noqa: PLC0415
    from nextclick.comparison.measures import Measure  # noqa: PLC0415
    from nextclick.comparison.output_files import require_place, write_whole  # noqa: PLC0415
    from nextclick.comparison.printing import print_comparison  # noqa: PLC0415
    from nextclick.comparison.scoring import load_models, score_models  # noqa: PLC0415
    from nextclick.comparison.verdict import Finding  # noqa: PLC0415
    from nextclick.selection_options import selection_of  # noqa: PLC0415
    from nextclick.simulation.counts_choice import counts_choice  # noqa: PLC0415

    for path, suffix in ((report, ".html"), (json_file, ".json")):
        require_place(path, suffix, force=force)
    if report is not None:
        require_report_extra()
    choice = counts_choice(counts_delay, counts, lists)
    selection = selection_of(partitions, offsets, since, until, limit)
    models = load_models(artifacts, exclude_seen=exclude_seen)
    outcomes, facts = score_models(models, recording, selection, _progress, counts=choice)
    plan = Plan(Measure[measure.name], resamples, seed)
    with _slice_progress() as on_slice:
        comparison = compare_outcomes(outcomes, plan, on_slice)
    print_comparison(Console(highlight=False, soft_wrap=True), comparison)
    if report is not None:
        write_whole(report, render_report(comparison, models, facts).encode(), force=force)
    if json_file is not None:
        write_whole(json_file, comparison_as_json(comparison, models, facts), force=force)
    if fail_if_worse and any(verdict.finding is Finding.WORSE for verdict in comparison.verdicts):
        raise typer.Exit(1)


@contextmanager
def _progress(name: str, recording: "Recording") -> Iterator[Callable[[int], None]]:
    from nextclick.printable import printable  # noqa: PLC0415
    from nextclick.record_progress import record_progress  # noqa: PLC0415

    typer.echo(f"Simulating {printable(name)}", err=True)
    with record_progress(recording) as show:
        yield show


@contextmanager
def _slice_progress() -> Iterator[Callable[[int, int], None]]:
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("slices", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
