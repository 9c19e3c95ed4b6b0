"""`nextclick online-eval`: what workers publish against what the offline evaluation says."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nextclick.options import PREPARED_FOLDER, AsJson, BrokerOrEmbedded, ExcludeSeen, Limit, PreparedFolder

if TYPE_CHECKING:
    from export.artifact import Artifact
    from models.preparation.prepared_data import PreparedData
    from nextclick.live_replay.evaluation import LiveReplayReport
    from nextclick.live_replay.replayed_lists import Tempo
    from nextclick.online_evaluation import OnlineReport

LOGS = Path("build/online-eval")
_SHOWN = ("Recall@20", "MRR@20", "NDCG@20")


def online_eval(
    artifact: Annotated[Path, typer.Argument(metavar="ARTIFACT", help="The folder that `nextclick export` wrote.")],
    *,
    dataset: Annotated[
        str, typer.Option("--dataset", metavar="NAME", help="A data set that `nextclick data prepare` made ready.")
    ],
    prepared_folder: PreparedFolder = PREPARED_FOLDER,
    exclude_seen: ExcludeSeen = None,
    limit: Limit = None,
    live: Annotated[
        bool, typer.Option("--live", help="With live counts: at a pace, by several workers; training clicks first.")
    ] = False,
    speed: Annotated[
        float, typer.Option("--speed", min=0.001, metavar="FACTOR", help="With --live: 60 plays an hour in a minute.")
    ] = 60.0,
    workers: Annotated[int, typer.Option("--workers", min=1, help="With --live: who share the partitions.")] = 2,
    partitions: Annotated[int, typer.Option("--partitions", min=1, help="With --live: of the click topic.")] = 8,
    warm_up: Annotated[
        str,
        typer.Option("--warm-up", metavar="DURATION", help="With --live: count training clicks from so long before."),
    ] = "24h",
    bootstrap_servers: BrokerOrEmbedded = None,
    as_json: AsJson = False,
) -> None:
    """Replay test clicks through Kafka and real workers, and compare what they publish with the offline evaluation.

    Without `--live`: every list of one worker, which ranks without live counts. The exit code is 1 if a single list
    differs by an item or by a bit of a score.

    With `--live`: clicks are sent at `--speed` times their own pace, what the workers count takes effect when it does,
    and the figures of their lists stand beside those of `nextclick evaluate --live --ranked-at click` on the same
    clicks, at the delay that was observed. Then each list is made again offline from the counts that it names, and the
    exit code is 1 if a single one differs.

    Without `--bootstrap-servers` the embedded broker is started. The topics are this run's own.

    Example: `nextclick online-eval artifacts/eshop --dataset eshop`
    """
    import msgspec  # noqa: PLC0415

    from export.artifact import load_artifact  # noqa: PLC0415
    from models.preparation.prepared_data import load_prepared_data  # noqa: PLC0415
    from nextclick.embedded_broker import given_or_embedded  # noqa: PLC0415
    from nextclick.live_replay.replayed_lists import Tempo  # noqa: PLC0415

    loaded = load_artifact(artifact)
    data = load_prepared_data(prepared_folder / dataset)
    excludes = loaded.manifest.exclude_seen if exclude_seen is None else exclude_seen
    with given_or_embedded(bootstrap_servers) as address:
        report: LiveReplayReport | OnlineReport = (
            _evaluate_live(loaded, data, address, Tempo(speed, workers, partitions), warm_up, limit, excludes=excludes)
            if live
            else _evaluate(loaded, data, address, limit, excludes=excludes)
        )
    if as_json:
        typer.echo(msgspec.json.encode(report).decode())
    else:
        _print(report)
    if not report.is_equal:
        raise typer.Exit(1)


def _evaluate(
    artifact: "Artifact", data: "PreparedData", address: str, limit: int | None, *, excludes: bool
) -> "OnlineReport":
    from nextclick.online_evaluation import evaluate_online  # noqa: PLC0415

    with _progress() as show:
        return evaluate_online(
            artifact,
            data.test if limit is None else data.test.head(limit),
            bootstrap_servers=address,
            log=LOGS / "worker.log",
            exclude_seen=excludes,
            on_progress=lambda arrived, total: show("lists read", arrived, total),
        )


def _evaluate_live(
    artifact: "Artifact",
    data: "PreparedData",
    address: str,
    tempo: "Tempo",
    warm_up: str,
    limit: int | None,
    *,
    excludes: bool,
) -> "LiveReplayReport":
    from nextclick.live_replay.clicks import choose_clicks  # noqa: PLC0415
    from nextclick.live_replay.evaluation import evaluate_live_online  # noqa: PLC0415
    from nextclick.moments import parse_duration_ms  # noqa: PLC0415

    clicks = choose_clicks(data.train, data.test, warm_up_ms=parse_duration_ms(warm_up), limit=limit)
    with _progress() as show:
        return evaluate_live_online(
            artifact,
            clicks,
            tempo,
            bootstrap_servers=address,
            logs=LOGS,
            exclude_seen=excludes,
            on_progress=show,
        )


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """Yield what shows a person what is going on, how much of it is done, and of how much."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415

    description = TextColumn("{task.description}")
    with Progress(description, BarColumn(), MofNCompleteColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("")
        yield lambda what, done, total: bar.update(task, description=what, completed=done, total=total)


def _print(report: "LiveReplayReport | OnlineReport") -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    from nextclick.live_replay.evaluation import LiveReplayReport  # noqa: PLC0415

    table = Table("", "offline", "online", "difference")
    for name in _SHOWN:
        if name in report.offline:
            offline, online = report.offline[name], report.online[name]
            table.add_row(name, f"{offline:.6f}", f"{online:.6f}", f"{online - offline:+.6f}")
    console = Console()
    console.print(table)
    if isinstance(report, LiveReplayReport):
        console.print(_live_text(report), highlight=False)
        return
    console.print(
        f"{report.identical_lists:,} of {report.clicks:,} published lists equal the offline ones bit for bit; "
        f"{report.seconds:.1f} s from the first click sent to the last list read.",
        highlight=False,
    )


def _live_text(report: "LiveReplayReport") -> str:
    age = report.age
    shares = " and ".join(f"{clicks:,}" for clicks in report.clicks_by_worker)
    without = f" {report.without_counts:,} judged lists name no counts." if report.without_counts else ""
    return (
        f"{report.predictions:,} predictions. The counts of a list ended {age.median_ms / 1000:.1f} s before its click "
        f"in the median, {age.mean_ms / 1000:.1f} s in the mean, {age.p90_ms / 1000:.1f} s at p90: offline has a delay "
        f"of {report.delay_ms / 1000:.1f} s.{without}\n"
        f"{report.identical_lists:,} of {report.clicks:,} published lists equal, bit for bit, those made offline from "
        "the counts that each names.\n"
        f"{report.warm_up_clicks:,} clicks warmed the counts, {report.paced_clicks:,} were sent at their pace, at "
        f"worst {report.most_behind_s:.1f} s behind it; {report.seconds:.0f} s to the last list read. The workers took "
        f"{shares} clicks. Model {report.model_id}, topics {report.topics}-*."
    )
