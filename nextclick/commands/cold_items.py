"""`nextclick cold-items`: a network that reads what is said of items, on items that it has never seen clicked."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nextclick.options import PREPARED_FOLDER, AsJson, OnDisk, PreparedFolder

if TYPE_CHECKING:
    from models.evaluation.cold_evaluation import ColdReport


def cold_items(
    checkpoint: Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="The folder that `nextclick train` wrote.")],
    *,
    dataset: Annotated[
        str, typer.Option("--dataset", metavar="NAME|FOLDER", help="The prepared data that it was trained on.")
    ],
    published: Annotated[
        str | None,
        typer.Option(
            "--published",
            metavar="COLUMN",
            help="The catalogue's column of the time, in milliseconds, that an item was published: measures a bias by "
            "age as well.",
        ),
    ] = None,
    on_disk: OnDisk = None,
    prepared_folder: PreparedFolder = PREPARED_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Measure a `content_lstm` on cold items: test clicks on items of the catalogue that training has no click on.

    Recall@20, among the cold items alone and among all, beside lists by chance (training has counted no click on a cold
    item, so popularity is no more), by the category's popularity, and by the clicks that the test period has seen so
    far. `nextclick train --hold-out-items 0.1` makes a tenth of the items cold.

    Example: `nextclick cold-items checkpoints/synthetic-news --dataset synthetic-news --published published_ms`
    """
    import msgspec  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415

    from export.exporter import RING_LENGTH  # noqa: PLC0415
    from models.training.checkpoint import load_checkpoint  # noqa: PLC0415
    from models.training.cold_report import report_on_cold_items  # noqa: PLC0415
    from nextclick.prepared_place import prepared_place  # noqa: PLC0415
    from nextclick.prepared_reading import read_for_test  # noqa: PLC0415

    loaded = load_checkpoint(checkpoint)
    folder = prepared_place(dataset, prepared_folder)
    console = Console(stderr=True)
    with read_for_test(folder, console, on_disk=on_disk) as data:
        exclude_last = RING_LENGTH if data.description.exclude_seen else 0
        with console.status(f"Ranking {data.test_click_count:,} test clicks"):
            report = report_on_cold_items(loaded, data, published=published, exclude_last=exclude_last)
    if as_json:
        typer.echo(msgspec.json.encode(report).decode())
        return
    _print(report)


def _print(report: "ColdReport") -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table("Recall@20", title=f"{report.predictions:,} test clicks on cold items")
    table.add_column(f"among {report.cold_items:,} cold", justify="right")
    table.add_column(f"among all {report.items:,}", justify="right")
    for name, recall in report.among_cold.items():
        table.add_row(name, f"{recall:.4f}", f"{report.among_all[name]:.4f}")
    Console().print(table)
