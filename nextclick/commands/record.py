"""`nextclick record`: a topic into a file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nextclick.options import AsJson, BootstrapServers, Limit, Shadow
from nextclick.selection_options import Offsets, Partitions, Since, Until

if TYPE_CHECKING:
    from nextclick.recording.recorder import RecordReport
    from nextclick.recording.selection import Selection
    from workers.settings import Settings


def record(
    path: Annotated[
        Path, typer.Argument(metavar="FILE", help="The recording: *.parquet, *.jsonl.zst (both zstd) or *.jsonl.")
    ],
    topic: Annotated[str | None, typer.Option("--topic", help="What to record; by default the click topic.")] = None,
    partitions: Partitions = None,
    offsets: Offsets = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
    lists: Annotated[
        Path | None,
        typer.Option(
            "--lists", metavar="LISTS", help="Record the output topic beside it, all of it, in a file of its own."
        ),
    ] = None,
    counts: Annotated[
        Path | None,
        typer.Option("--counts", metavar="COUNTS", help="Record the topic of live counts beside it, likewise."),
    ] = None,
    shadow: Shadow = None,
    bootstrap_servers: BootstrapServers = None,
    as_json: AsJson = False,
) -> None:
    """Record a topic up to its present end into one file: every byte of every record, checksums, and where it was.

    No group is joined and no offset is committed. Records of aborted transactions are left out, as a worker leaves them
    out. The file gets its name once it is whole: Ctrl-C leaves none, and nothing is ever overwritten.

    `--lists` and `--counts` are what `nextclick simulate` needs to rank with the live counts that workers ranked with.
    Lists are recorded first and counts last, so that every list has its click and its counts. A worker's counts topic
    is compacted: what is older than an hour may lack its rewrites.

    Example: `nextclick record yesterday.parquet --since 2024-05-01 --until 2024-05-02`, or `nextclick record
    clicks.parquet --lists lists.parquet --counts counts.parquet`
    """
    from nextclick.recording.selection import Selection  # noqa: PLC0415
    from nextclick.selection_options import selection_of  # noqa: PLC0415
    from nextclick.shadow import chosen_settings  # noqa: PLC0415

    settings = chosen_settings(shadow, bootstrap_servers=bootstrap_servers)
    selection = selection_of(partitions, offsets, since, until, limit)
    jobs = [
        (lists, settings.recommendations_topic, Selection()),
        (path, topic or settings.clicks_topic, selection),
        (counts, settings.counts_topic, Selection()),
    ]
    chosen = [(file, name, part) for file, name, part in jobs if file is not None]
    _require_free([file for file, _, _ in chosen])
    for file, name, part in chosen:
        report = _record(file, name, part, settings)
        if report is None:
            typer.echo(f"Stopped: {file} was not written.", err=True)
            raise typer.Exit(1)
        _print(report, file, as_json)


def _require_free(files: list[Path]) -> None:
    """Return if nothing lies where a file is to be: now, not after an hour of recording."""
    from models.errors import RecordingError  # noqa: PLC0415
    from nextclick.file_writing import require_free_place  # noqa: PLC0415
    from nextclick.recording.files import SUFFIXES  # noqa: PLC0415

    if len({file.absolute() for file in files}) < len(files):
        raise RecordingError("Two topics were to be recorded into one file: name a file each.")
    for file in files:
        require_free_place(file, SUFFIXES)


def _record(path: Path, topic: str, selection: "Selection", settings: "Settings") -> "RecordReport | None":
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    from nextclick.recording.recorder import record_topic  # noqa: PLC0415
    from nextclick.signals import stop_at_signal  # noqa: PLC0415

    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.completed:,.0f} records"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with stop_at_signal() as stop, bar:
        task = bar.add_task("", total=None)
        return record_topic(
            path,
            bootstrap_servers=settings.bootstrap_servers,
            topic=topic,
            selection=selection,
            security=settings.kafka_security,
            on_progress=lambda records: bar.update(task, completed=records),
            stop=stop,
        )


def _print(report: "RecordReport", path: Path, as_json: bool) -> None:
    from nextclick.moments import utc_text  # noqa: PLC0415

    totals = report.totals
    if as_json:
        import msgspec  # noqa: PLC0415

        typer.echo(
            msgspec.json.encode(
                {
                    "file": str(path),
                    **msgspec.structs.asdict(totals),
                    "topic": report.head.topic,
                    "partitions": report.head.partitions,
                    "file_bytes": report.file_bytes,
                    "elapsed_s": round(report.elapsed_s, 3),
                }
            ).decode()
        )
        return
    typer.echo(
        f"{totals.records:,} records of {report.head.topic}, {len(totals.ranges)} of {report.head.partitions} "
        f"partitions, in {path} ({report.file_bytes / 1e6:,.1f} MB, {report.elapsed_s:.1f} s)."
    )
    if totals.first_timestamp_ms is not None and totals.last_timestamp_ms is not None:
        typer.echo(f"From {utc_text(totals.first_timestamp_ms)} to {utc_text(totals.last_timestamp_ms)}.")
    typer.echo(f"Identity: {totals.digest}")
