"""`nextclick evaluate`: an artifact against test clicks."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nextclick.options import PREPARED_FOLDER, AsJson, ExcludeSeen, Limit, PreparedFolder

if TYPE_CHECKING:
    from export.artifact_evaluation import ArtifactReport


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
    as_json: AsJson = False,
) -> None:
    """Judge an artifact on a data set's test clicks: Recall, MRR and NDCG at 1, 5, 10 and 20, popularity beside it.

    The lists are the ones that a worker would publish with `publish=per-click`, computed here without a broker. For
    every click of a session but its first, the whole catalogue is ranked given the clicks before it; items of equal
    score count against the model. `--limit` takes the first clicks only.

    Example: `nextclick evaluate artifacts/eshop --dataset eshop`
    """
    import msgspec  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415

    from export.artifact import load_artifact  # noqa: PLC0415
    from export.artifact_evaluation import evaluate_artifact  # noqa: PLC0415
    from models.prepared_data import PREPARED_FILE, load_prepared_data  # noqa: PLC0415

    loaded = load_artifact(artifact)
    folder = Path(dataset) if (Path(dataset) / PREPARED_FILE).is_file() else prepared_folder / dataset
    test = load_prepared_data(folder).test
    clicks = test if limit is None else test.head(limit)
    with Console(stderr=True).status(f"Stepping model {loaded.manifest.model_id} through {len(clicks):,} clicks"):
        report = evaluate_artifact(loaded, clicks, exclude_seen=exclude_seen)
    if as_json:
        typer.echo(msgspec.json.encode(report).decode())
        return
    _print(report, f"{artifact} on {dataset}")


def _print(report: "ArtifactReport", title: str) -> None:
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
