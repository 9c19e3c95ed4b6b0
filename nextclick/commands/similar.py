"""`nextclick similar`: check a model by looking at what it takes for alike."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nextclick.options import PREPARED_FOLDER, AsJson, PreparedFolder

if TYPE_CHECKING:
    from nextclick.similar_items import Neighbourhood


def similar(
    item: Annotated[str, typer.Argument(metavar="ITEM", help="Its id, its title, or a part of its title.")],
    *,
    artifact: Annotated[
        Path | None, typer.Option("--artifact", metavar="FOLDER", help="By the vectors of the model in this artifact.")
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset",
            metavar="NAME|FOLDER",
            help="By the clicks: how many training sessions of this prepared data set hold both.",
        ),
    ] = None,
    top: Annotated[int, typer.Option("--top", min=1, metavar="K", help="How many items to show.")] = 10,
    prepared_folder: PreparedFolder = PREPARED_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Show the items most like one: by a model's vectors, or by the clicks alone, to see what the model adds.

    Similarity is the cosine: of the vectors that rank.onnx compares users with, or of the sessions that hold each item.
    A model that does not score by dot products has no vectors; `--dataset` works for any data.

    Example: `nextclick similar "star wars" --artifact artifacts/movielens-100k --top 5`
    """
    import msgspec  # noqa: PLC0415

    from models.errors import SettingsError  # noqa: PLC0415
    from nextclick.similar_items import similar_by_clicks, similar_by_vectors  # noqa: PLC0415

    if (artifact is None) == (dataset is None):
        raise SettingsError("Say what to compare by: --artifact FOLDER, or --dataset NAME; one of the two.")
    if artifact is not None:
        from export.artifact import load_artifact  # noqa: PLC0415

        found = similar_by_vectors(load_artifact(artifact), item, top)
    else:
        from models.preparation.prepared_data import load_prepared_data  # noqa: PLC0415
        from nextclick.prepared_place import prepared_place  # noqa: PLC0415

        found = similar_by_clicks(load_prepared_data(prepared_place(str(dataset), prepared_folder)), item, top)
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
        return
    _print(found)


def _print(found: "Neighbourhood") -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table("", "item", "title", "category", "similarity", title=Text(f"Like {found.title}, by {found.by}"))
    for place, one in enumerate(found.items, start=1):
        cells = (Text(one.item_id), Text(one.title or ""), Text(one.category or ""))
        table.add_row(str(place), *cells, f"{one.similarity:.3f}")
    Console().print(table)
