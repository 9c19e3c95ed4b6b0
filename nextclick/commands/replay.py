"""`nextclick replay`: a click log into the click topic."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from nextclick.options import PREPARED_FOLDER, AsJson, BootstrapServers, Limit, PreparedFolder

if TYPE_CHECKING:
    import polars as pl

    from nextclick.record_sending import ReplayReport

MAX_SPEED = "max"


def replay(
    log: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="Click log: .csv, .tsv, .jsonl or .parquet. Or name a --dataset."),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset",
            metavar="NAME|FOLDER",
            help="A data set that `nextclick data prepare` made ready, or the folder of one.",
        ),
    ] = None,
    prepared_folder: PreparedFolder = PREPARED_FOLDER,
    part: Annotated[Literal["train", "test"], typer.Option("--part", help="Which part of the data set.")] = "test",
    columns: Annotated[
        str | None,
        typer.Option("--columns", help="The file's names: `user=visitorid,item=sku,timestamp=time,session=visit`."),
    ] = None,
    speed: Annotated[
        str, typer.Option("--speed", metavar="FACTOR|max", help="60 plays an hour in a minute; max: no waiting.")
    ] = MAX_SPEED,
    limit: Limit = None,
    topic: Annotated[str | None, typer.Option("--topic", help="Where to; by default the click topic.")] = None,
    bootstrap_servers: BootstrapServers = None,
    as_json: AsJson = False,
) -> None:
    """Send a click log to the click topic, in order of time, keyed by user, and count every acknowledgement.

    The event times stay those of the log. Each click gets the event id `NAME-ROW`, the same each time, so that a list
    can be matched with its click. Ctrl-C ends it in order: what was sent is waited for. The exit code is 1 if a click
    failed.

    Example: `nextclick replay --dataset eshop --speed max`, or `nextclick replay clicks.csv --speed 60 --limit 1000`
    """
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    from nextclick.replaying import replay_clicks  # noqa: PLC0415
    from nextclick.signals import stop_at_signal  # noqa: PLC0415
    from workers.settings import load_settings  # noqa: PLC0415

    factor = _factor(speed)
    settings = load_settings(bootstrap_servers=bootstrap_servers, clicks_topic=topic)
    name, clicks = _clicks(log, dataset, prepared_folder, part, columns)
    bar = Progress(
        TextColumn("clicks sent"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with stop_at_signal() as stop, bar:
        task = bar.add_task("")
        report = replay_clicks(
            clicks,
            dataset=name,
            bootstrap_servers=settings.bootstrap_servers,
            topic=settings.clicks_topic,
            security=settings.kafka_security,
            speed=factor,
            limit=limit,
            on_progress=lambda sent, total: bar.update(task, completed=sent, total=total),
            stop=stop,
        )
    _print(report, settings.clicks_topic, as_json)
    if report.failed:
        raise typer.Exit(1)


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
    from models.click_log import Columns, read_click_log  # noqa: PLC0415
    from models.prepared_data import PREPARED_FILE, load_prepared_data  # noqa: PLC0415

    if (log is None) == (dataset is None):
        raise typer.BadParameter("Name a FILE or a --dataset, one of them.", param_hint="FILE")
    if dataset is not None:
        folder = Path(dataset) if (Path(dataset) / PREPARED_FILE).is_file() else prepared_folder / dataset
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
        f"{ended}{report.sent:,} clicks sent to {topic}, {report.acknowledged:,} acknowledged, "
        f"{report.failed:,} failed, in {report.elapsed_s:.1f} s ({report.clicks_per_second:,.0f}/s)."
    )
    if report.first_failure:
        typer.echo(f"The first failure: {report.first_failure}")
    if report.most_behind_s > 1:
        typer.echo(f"At worst {report.most_behind_s:.1f} s behind the schedule: the broker or this machine is slower.")
