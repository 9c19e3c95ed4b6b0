"""`nextclick online-eval`: what a worker publishes against what the offline evaluation says."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nextclick.options import PREPARED_FOLDER, AsJson, BrokerOrEmbedded, ExcludeSeen, Limit, PreparedFolder

if TYPE_CHECKING:
    from nextclick.online_evaluation import OnlineReport

LOG = Path("build/online-eval/worker.log")


def online_eval(
    artifact: Annotated[Path, typer.Argument(metavar="ARTIFACT", help="The folder that `nextclick export` wrote.")],
    *,
    dataset: Annotated[
        str, typer.Option("--dataset", metavar="NAME", help="A data set that `nextclick data prepare` made ready.")
    ],
    prepared_folder: PreparedFolder = PREPARED_FOLDER,
    exclude_seen: ExcludeSeen = None,
    limit: Limit = None,
    bootstrap_servers: BrokerOrEmbedded = None,
    as_json: AsJson = False,
) -> None:
    """Replay test clicks through Kafka and a real worker, and compare every published list with the offline one.

    Without `--bootstrap-servers` the embedded broker is started. The topics are this run's own. The exit code is 1 if
    a single list differs by an item or by a bit of a score.

    Example: `nextclick online-eval artifacts/eshop --dataset eshop`
    """
    import msgspec  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415

    from export.artifact import load_artifact  # noqa: PLC0415
    from models.preparation.prepared_data import load_prepared_data  # noqa: PLC0415
    from nextclick.embedded_broker import given_or_embedded  # noqa: PLC0415
    from nextclick.online_evaluation import evaluate_online  # noqa: PLC0415

    loaded = load_artifact(artifact)
    test = load_prepared_data(prepared_folder / dataset).test
    bar = Progress(
        TextColumn("lists read"), BarColumn(), MofNCompleteColumn(), console=Console(stderr=True), transient=True
    )
    with given_or_embedded(bootstrap_servers) as address, bar:
        task = bar.add_task("")
        report = evaluate_online(
            loaded,
            test if limit is None else test.head(limit),
            bootstrap_servers=address,
            log=LOG,
            exclude_seen=loaded.manifest.exclude_seen if exclude_seen is None else exclude_seen,
            on_progress=lambda arrived, total: bar.update(task, completed=arrived, total=total),
        )
    if as_json:
        typer.echo(msgspec.json.encode(report).decode())
    else:
        _print(report)
    if not report.is_equal:
        raise typer.Exit(1)


def _print(report: "OnlineReport") -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table("", "offline", "online")
    for name in ("Recall@20", "MRR@20", "NDCG@20"):
        if name in report.offline:
            table.add_row(name, f"{report.offline[name]:.6f}", f"{report.online[name]:.6f}")
    console = Console()
    console.print(table)
    console.print(
        f"{report.identical_lists:,} of {report.clicks:,} published lists equal the offline ones bit for bit; "
        f"{report.seconds:.1f} s from the first click sent to the last list read.",
        highlight=False,
    )
