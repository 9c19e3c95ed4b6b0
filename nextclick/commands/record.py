"""`nextclick record`: a topic into a file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nextclick.options import AsJson, BootstrapServers, Limit
from nextclick.selection_options import Offsets, Partitions, Since, Until

if TYPE_CHECKING:
    from nextclick.recording.recorder import RecordReport


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
    bootstrap_servers: BootstrapServers = None,
    as_json: AsJson = False,
) -> None:
    """Record a topic up to its present end into one file: every byte of every record, checksums, and where it was.

    No group is joined and no offset is committed. Records of aborted transactions are left out, as a worker leaves them
    out. The file gets its name once it is whole: Ctrl-C leaves none, and nothing is ever overwritten.

    Example: `nextclick record yesterday.parquet --since 2024-05-01 --until 2024-05-02`
    """
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    from nextclick.recording.recorder import record_topic  # noqa: PLC0415
    from nextclick.selection_options import selection_of  # noqa: PLC0415
    from nextclick.signals import stop_at_signal  # noqa: PLC0415
    from workers.settings import load_settings  # noqa: PLC0415

    settings = load_settings(bootstrap_servers=bootstrap_servers)
    source = topic or settings.clicks_topic
    selection = selection_of(partitions, offsets, since, until, limit)
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.completed:,.0f} records"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with stop_at_signal() as stop, bar:
        task = bar.add_task("", total=None)
        report = record_topic(
            path,
            bootstrap_servers=settings.bootstrap_servers,
            topic=source,
            selection=selection,
            security=settings.kafka_security,
            on_progress=lambda records: bar.update(task, completed=records),
            stop=stop,
        )
    if report is None:
        typer.echo(f"Stopped: {path} was not written.", err=True)
        raise typer.Exit(1)
    _print(report, path, as_json)


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
