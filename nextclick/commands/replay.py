"""`nextclick replay`: a click log, a recording or another topic into a topic."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from nextclick.options import PREPARED_FOLDER, AsJson, BootstrapServers, Limit, PreparedFolder
from nextclick.selection_options import Offsets, Partitions, Since, Until

if TYPE_CHECKING:
    from threading import Event

    import polars as pl

    from nextclick.record_sending import ReplayReport
    from nextclick.recording.replayer import Tempo
    from nextclick.recording.selection import Selection
    from workers.settings import Settings

MAX_SPEED = "max"
# Told how many records were sent, of how many.
OnProgress = Callable[[int, int], None]


def replay(
    source: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]",
            help="A recording, or a click log: .csv, .tsv, .jsonl or .parquet. Or name a --dataset or a --from-topic.",
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset",
            metavar="NAME|FOLDER",
            help="A data set that `nextclick data prepare` made ready, or the folder of one.",
        ),
    ] = None,
    from_topic: Annotated[str | None, typer.Option("--from-topic", metavar="TOPIC", help="Another topic.")] = None,
    prepared_folder: PreparedFolder = PREPARED_FOLDER,
    part: Annotated[Literal["train", "test"], typer.Option("--part", help="Which part of the data set.")] = "test",
    columns: Annotated[
        str | None,
        typer.Option("--columns", help="The log's names: `user=visitorid,item=sku,timestamp=time,session=visit`."),
    ] = None,
    speed: Annotated[
        str, typer.Option("--speed", metavar="FACTOR|max", help="60 plays an hour in a minute; max: no waiting.")
    ] = MAX_SPEED,
    rate: Annotated[
        float | None, typer.Option("--rate", min=0.001, metavar="N", help="So many a second, whatever their times say.")
    ] = None,
    partitions: Partitions = None,
    offsets: Offsets = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
    keep: Annotated[
        str,
        typer.Option(
            metavar="PARTS", help="What recorded records keep: keys, partitions, headers, timestamps, or `nothing`."
        ),
    ] = "keys,partitions,headers",
    force: Annotated[
        bool,
        typer.Option("--force", help="Also into another number of partitions (by key then), or onto the own source."),
    ] = False,
    topic: Annotated[
        str | None, typer.Option("--topic", help="Where to; by default the click topic, for logs alone.")
    ] = None,
    bootstrap_servers: BootstrapServers = None,
    as_json: AsJson = False,
) -> None:
    """Send a click log, a recording or another topic to a topic, and count every acknowledgement.

    A click log goes in order of time, keyed by user, each click with the event id `NAME-ROW`. Recorded records go byte
    for byte and in their order; a recording is read to its end before the first one is sent. Ctrl-C ends it in order:
    what was sent is waited for. The exit code is 1 if a record failed.

    Example: `nextclick replay --dataset eshop --speed max`, `nextclick replay clicks.csv --speed 60 --limit 1000`, or
    `nextclick replay yesterday.parquet --topic rehearsal-clicks --speed 24`
    """
    from nextclick.recording.files import is_recording  # noqa: PLC0415
    from nextclick.recording.replayer import Tempo  # noqa: PLC0415
    from nextclick.selection_options import selection_of  # noqa: PLC0415
    from workers.settings import load_settings  # noqa: PLC0415

    tempo = Tempo(_factor(speed), rate)
    if tempo.speed is not None and rate is not None:
        raise typer.BadParameter("Name a --speed or a --rate, not both.", param_hint="--rate")
    if sum(one is not None for one in (source, dataset, from_topic)) != 1:
        raise typer.BadParameter("Name a FILE, a --dataset or a --from-topic, one of them.", param_hint="FILE")
    selection = selection_of(partitions, offsets, since, until, limit)
    settings = load_settings(bootstrap_servers=bootstrap_servers, clicks_topic=topic)
    is_log = from_topic is None and (source is None or not is_recording(source))
    if not is_log and topic is None:
        raise typer.BadParameter(
            "Name the topic: recorded clicks never go to the click topic by default.", param_hint="--topic"
        )
    with _progress() as (on_progress, stop):
        if is_log:
            if any((partitions, offsets, since, until)):
                raise typer.BadParameter("A click log has no partitions, offsets or record times.", param_hint="FILE")
            name, clicks = _clicks(source, dataset, prepared_folder, part, columns)
            report = _replay_log(name, clicks, settings, tempo, limit, on_progress, stop)
        else:
            report = _replay_records(
                source, from_topic, settings, selection, tempo, keep, on_progress, stop, force=force
            )
    _print(report, settings.clicks_topic, as_json)
    if report.failed:
        raise typer.Exit(1)


@contextlib.contextmanager
def _progress() -> Iterator[tuple[OnProgress, "Event"]]:
    """Show a bar until the block ends; Ctrl-C sets the event."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    from nextclick.signals import stop_at_signal  # noqa: PLC0415

    bar = Progress(
        TextColumn("sent"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with stop_at_signal() as stop, bar:
        task = bar.add_task("", total=None)
        yield lambda sent, total: bar.update(task, completed=sent, total=total or None), stop


def _replay_log(
    name: str,
    clicks: "pl.DataFrame",
    settings: "Settings",
    tempo: "Tempo",
    limit: int | None,
    on_progress: OnProgress,
    stop: "Event",
) -> "ReplayReport":
    from nextclick.replaying import replay_clicks  # noqa: PLC0415

    due_s = None if tempo.per_second is None else [row / tempo.per_second for row in range(clicks.height)]
    return replay_clicks(
        clicks,
        dataset=name,
        bootstrap_servers=settings.bootstrap_servers,
        topic=settings.clicks_topic,
        security=settings.kafka_security,
        speed=tempo.speed,
        due_s=due_s,
        limit=limit,
        on_progress=on_progress,
        stop=stop,
    )


def _replay_records(
    recording: Path | None,
    from_topic: str | None,
    settings: "Settings",
    selection: "Selection",
    tempo: "Tempo",
    keep: str,
    on_progress: OnProgress,
    stop: "Event",
    *,
    force: bool,
) -> "ReplayReport":
    from nextclick.recording.recorder import cluster_id  # noqa: PLC0415
    from nextclick.recording.replayer import parse_kept, replay_records  # noqa: PLC0415
    from nextclick.recording.sources import recorded_records, topic_records  # noqa: PLC0415

    kept = parse_kept(keep)
    address, security = settings.bootstrap_servers, settings.kafka_security
    cluster = cluster_id(address, security)
    with contextlib.ExitStack() as stack:
        if recording is not None:
            records = recorded_records(recording, selection)
        else:
            assert from_topic is not None  # noqa: S101 - one of the two is there
            records = stack.enter_context(topic_records(address, from_topic, selection, cluster, security))
        return replay_records(
            records.records,
            records.head,
            bootstrap_servers=address,
            topic=settings.clicks_topic,
            cluster_id=cluster,
            security=security,
            kept=kept,
            tempo=tempo,
            force=force,
            on_progress=on_progress,
            total=records.total,
            stop=stop,
        )


def _factor(speed: str) -> float | None:
    if speed == MAX_SPEED:
        return None
    try:
        factor = float(speed)
    except ValueError:
        factor = 0.0
    if not 0 < factor < float("inf"):
        raise typer.BadParameter(f"{speed!r} is neither a factor above 0 nor `max`.", param_hint="--speed")
    return factor


def _clicks(
    log: Path | None, dataset: str | None, prepared_folder: Path, part: str, columns: str | None
) -> tuple[str, "pl.DataFrame"]:
    """Return the log's name and its clicks."""
    from models.preparation.click_log import Columns, read_click_log  # noqa: PLC0415
    from models.preparation.prepared_data import load_prepared_data  # noqa: PLC0415
    from nextclick.prepared_place import prepared_place  # noqa: PLC0415

    if dataset is not None:
        folder = prepared_place(dataset, prepared_folder)
        prepared = load_prepared_data(folder)
        return prepared.description.name, prepared.train if part == "train" else prepared.test
    assert log is not None  # noqa: S101 - one of the two is there
    read = read_click_log(log, Columns.parse(columns) if columns else Columns())
    for step in read.malformed:
        typer.echo(f"{step.dropped} records left out: {step.reason}", err=True)
    return log.name.split(".")[0], read.clicks


def _print(report: "ReplayReport", topic: str, as_json: bool) -> None:
    if as_json:
        import msgspec  # noqa: PLC0415

        typer.echo(msgspec.json.encode(report).decode())
        return
    ended = "Stopped early: " if report.stopped else ""
    typer.echo(
        f"{ended}{report.sent:,} records sent to {topic}, {report.acknowledged:,} acknowledged, "
        f"{report.failed:,} failed, in {report.elapsed_s:.1f} s ({report.clicks_per_second:,.0f}/s)."
    )
    if len(report.acknowledged_by_partition) > 1:
        by_partition = ", ".join(f"{number}: {count:,}" for number, count in report.acknowledged_by_partition.items())
        typer.echo(f"Acknowledged by partition: {by_partition}.")
    if report.first_failure:
        typer.echo(f"The first failure: {report.first_failure}")
    if report.most_behind_s > 1:
        typer.echo(f"At worst {report.most_behind_s:.1f} s behind the schedule: the broker or this machine is slower.")
