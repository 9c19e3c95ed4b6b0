"""`nextclick evaluate`: an artifact against test clicks."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from nextclick.options import PREPARED_FOLDER, AsJson, ExcludeSeen, Limit, OnDisk, PreparedFolder

if TYPE_CHECKING:
    import polars as pl

    from export.artifact import Artifact
    from export.artifact_evaluation import ArtifactReport
    from export.live_evaluation import LiveReport
    from models.preparation.prepared_on_disk import PreparedOnDisk


def evaluate(
    artifact: Annotated[Path, typer.Argument(metavar="ARTIFACT", help="The folder that `nextclick export` wrote.")],
    *,
    dataset: Annotated[
        str,
        typer.Option(
            "--dataset",
            metavar="NAME|FOLDER",
            help="A data set that `nextclick data prepare` made ready, or the folder of one.",
        ),
    ],
    prepared_folder: PreparedFolder = PREPARED_FOLDER,
    exclude_seen: ExcludeSeen = None,
    limit: Limit = None,
    live: Annotated[
        bool, typer.Option("--live", help="With counts that follow the clicks; training clicks are counted too.")
    ] = False,
    counts_delay: Annotated[
        str,
        typer.Option("--counts-delay", metavar="DURATION", help="With --live: how far the counts lag, 60s, 10m, 1h."),
    ] = "60s",
    ranked_at: Annotated[
        Literal["request", "click"],
        typer.Option(
            "--ranked-at",
            help="With --live: lists made at the moment of the click that they are judged by, or right after the "
            "user's click before it, as a worker publishes them.",
        ),
    ] = "request",
    on_disk: OnDisk = None,
    as_json: AsJson = False,
) -> None:
    """Judge an artifact on a data set's test clicks: Recall, MRR and NDCG at 1, 5, 10 and 20, popularity beside it.

    The lists are the ones that a worker would publish with `publish=per-click`, computed here without a broker. For
    every click of a session but its first, the whole catalogue is ranked given the clicks before it; items of equal
    score count against the model. `--limit` takes the first clicks only. Where the last click of each user tests, users
    are stepped through their training clicks first.

    With `--live` the clicks are taken in order of time, and lists are made with what everyone had clicked until
    `--counts-delay` before; the artifact must have a recipe for live counts. One that says `useless` adds nothing to
    the lists, and the popularity beside them is live all the same.

    Data that is large for the memory is read in parts from disk, users by users; not with `--live`, which takes
    everyone's clicks in one order.

    Example: `nextclick evaluate artifacts/eshop --dataset eshop`
    """
    import msgspec  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415

    from export.artifact import load_artifact  # noqa: PLC0415
    from models.errors import SettingsError  # noqa: PLC0415
    from models.preparation.prepared_on_disk import PreparedOnDisk  # noqa: PLC0415
    from nextclick.prepared_place import prepared_place  # noqa: PLC0415
    from nextclick.prepared_reading import read_for_test  # noqa: PLC0415

    loaded, console = load_artifact(artifact), Console(stderr=True)
    folder = prepared_place(dataset, prepared_folder)
    if live and on_disk:
        raise SettingsError("Live counts follow everyone's clicks in order of time: leave --on-disk out, or --live.")
    with read_for_test(folder, console, on_disk=False if live else on_disk) as data:
        count = data.test_click_count if limit is None else min(limit, data.test_click_count)
        with console.status(f"Stepping model {loaded.manifest.model_id} through {count:,} clicks"):
            if isinstance(data, PreparedOnDisk):
                report: ArtifactReport | LiveReport = _evaluate_parts(loaded, data, count, exclude_seen=exclude_seen)
            elif live:
                clicks = data.test.head(count)
                report = _evaluate_live(loaded, data.train, clicks, counts_delay, ranked_at, exclude_seen=exclude_seen)
            else:
                report = _evaluate(loaded, data.test.head(count), data.test_history, exclude_seen=exclude_seen)
    if as_json:
        typer.echo(msgspec.json.encode(report).decode())
        return
    how = f", live, counts {counts_delay} late" if live else ""
    _print(report, f"{artifact} on {dataset}{how}")


def _evaluate(
    artifact: "Artifact", clicks: "pl.DataFrame", history: "pl.DataFrame | None", *, exclude_seen: bool | None
) -> "ArtifactReport":
    from export.artifact_evaluation import evaluate_artifact  # noqa: PLC0415

    return evaluate_artifact(artifact, clicks, exclude_seen=exclude_seen, history=history)


def _evaluate_parts(
    artifact: "Artifact", data: "PreparedOnDisk", count: int, *, exclude_seen: bool | None
) -> "ArtifactReport":
    from export.artifact_evaluation import evaluate_artifact_in_parts  # noqa: PLC0415

    return evaluate_artifact_in_parts(artifact, data.judged_clicks(count), exclude_seen=exclude_seen)


def _evaluate_live(
    artifact: "Artifact",
    before: "pl.DataFrame",
    clicks: "pl.DataFrame",
    counts_delay: str,
    ranked_at: Literal["request", "click"],
    *,
    exclude_seen: bool | None,
) -> "LiveReport":
    from export.live_evaluation import evaluate_live  # noqa: PLC0415
    from nextclick.moments import parse_duration_ms  # noqa: PLC0415

    delay_ms = parse_duration_ms(counts_delay)
    return evaluate_live(artifact, before, clicks, delay_ms=delay_ms, ranked_at=ranked_at, exclude_seen=exclude_seen)


def _print(report: "ArtifactReport | LiveReport", title: str) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    names = list(dict.fromkeys(name.split("@")[0] for name in report.model))
    cutoffs = list(dict.fromkeys(name.split("@")[1] for name in report.model))
    table = Table("", *(f"@{cutoff}" for cutoff in cutoffs), title=title)
    for name in names:
        for label, figures in (("", report.model), (" of popularity", report.popularity)):
            cells = [f"{name}@{cutoff}" for cutoff in cutoffs]
            table.add_row(name + label, *(f"{figures[cell]:.4f}" if cell in figures else "" for cell in cells))
    console = Console()
    console.print(table)
    console.print(
        f"{report.predictions:,} predictions in {report.sessions:,} sessions, {report.clicks:,} clicks; "
        f"{report.unknown_targets:,} were of items that the model does not know. Model {report.model_id}.",
        highlight=False,
    )
