"""`nextclick golden`: keep the lists of a recording, and see what a change of model or code does to them."""

from pathlib import Path
from typing import Annotated

import typer

from nextclick.counts_options import CountsDelay, RecordedCounts, RecordedListsFile
from nextclick.options import AsJson, ExcludeSeen

golden = typer.Typer(
    help="Keep the lists of a recording, and see later what a change of model or code does to them.",
    no_args_is_help=True,
)

Artifact = Annotated[Path, typer.Argument(metavar="ARTIFACT", help="The folder that `nextclick export` wrote.")]
Recording = Annotated[Path, typer.Argument(metavar="RECORDING", help="The file that `nextclick record` wrote.")]
Golden = Annotated[Path, typer.Argument(metavar="GOLDEN", help="The golden lists, *.golden.parquet.")]


@golden.command()
def make(
    artifact: Artifact,
    recording: Recording,
    golden_file: Golden,
    exclude_seen: ExcludeSeen = None,
    counts_delay: CountsDelay = None,
    counts: RecordedCounts = None,
    lists: RecordedListsFile = None,
) -> None:
    """Keep the list of every recorded click: items, exact scores, and what they were made from.

    A model with live counts ranks without them unless `--counts-delay`, or `--counts` and `--lists`, say which.

    Example: `nextclick golden make artifacts/eshop yesterday.parquet yesterday.golden.parquet`
    """
    from nextclick.golden.making import make_golden  # noqa: PLC0415
    from nextclick.record_progress import record_progress  # noqa: PLC0415
    from nextclick.recording.files import open_recording  # noqa: PLC0415
    from nextclick.simulation.counts_choice import counts_choice  # noqa: PLC0415

    choice = counts_choice(counts_delay, counts, lists)
    with record_progress(open_recording(recording)) as show:
        head = make_golden(artifact, recording, golden_file, exclude_seen=exclude_seen, counts=choice, on_progress=show)
    size = golden_file.stat().st_size
    typer.echo(
        f"{head.lists:,} lists of model {head.model_id} in {golden_file} ({size / 1e6:,.2f} MB, "
        f"{size / max(1, head.lists):,.0f} bytes a list)."
    )


@golden.command()
def check(
    artifact: Artifact,
    recording: Recording,
    golden_file: Golden,
    score_tolerance: Annotated[
        float,
        typer.Option("--score-tolerance", min=0, metavar="X", help="Scores may move so far, and change places by it."),
    ] = 0.0,
    allow_changed: Annotated[
        float, typer.Option("--allow-changed", min=0, max=1, metavar="SHARE", help="So many of the lists may change.")
    ] = 0.0,
    min_overlap: Annotated[
        float, typer.Option("--min-overlap", min=0, max=1, metavar="SHARE", help="Least mean overlap@K of all lists.")
    ] = 0.0,
    examples: Annotated[int, typer.Option("--examples", min=0, max=10, metavar="N", help="Show the worst N.")] = 3,
    exclude_seen: ExcludeSeen = None,
    counts_delay: CountsDelay = None,
    counts: RecordedCounts = None,
    lists: RecordedListsFile = None,
    as_json: AsJson = False,
) -> None:
    """Make the lists of a recording again and show how they differ from the golden ones; exit code 1 if they may not.

    The artifact may be another model: what differs then is what its users would see. Model and settings are named where
    they are not those of then. Without options, a list may not differ by a bit of a score.

    Example: `nextclick golden check artifacts/new yesterday.parquet yesterday.golden.parquet --min-overlap 0.9
    --allow-changed 1`
    """
    from rich.console import Console  # noqa: PLC0415

    from nextclick.golden.comparison import Tolerance  # noqa: PLC0415
    from nextclick.golden.making import check_golden  # noqa: PLC0415
    from nextclick.golden.printing import check_as_json, print_check  # noqa: PLC0415
    from nextclick.record_progress import record_progress  # noqa: PLC0415
    from nextclick.recording.files import open_recording  # noqa: PLC0415
    from nextclick.simulation.counts_choice import counts_choice  # noqa: PLC0415

    choice = counts_choice(counts_delay, counts, lists)
    with record_progress(open_recording(recording)) as show:
        checked = check_golden(
            artifact,
            recording,
            golden_file,
            tolerance=Tolerance(score_tolerance, allow_changed, min_overlap),
            exclude_seen=exclude_seen,
            counts=choice,
            on_progress=show,
        )
    if as_json:
        typer.echo(check_as_json(checked))
    else:
        print_check(Console(highlight=False, soft_wrap=True), checked, examples=examples)
    if not checked.comparison.is_passed:
        raise typer.Exit(1)
