"""`nextclick recommend`: a list for a history given by hand."""

from pathlib import Path
from typing import Annotated

import typer

from nextclick.options import AsJson


def recommend(
    artifact: Annotated[Path, typer.Argument(metavar="ARTIFACT", help="The folder that `nextclick export` wrote.")],
    *,
    history: Annotated[
        list[str],
        typer.Option(
            "--history",
            metavar="ITEM,ITEM,...",
            help="What was clicked, oldest first: ids, titles or parts of titles. A title with a comma in it has an "
            "option of its own: --history may be given several times.",
        ),
    ],
    top: Annotated[
        int | None, typer.Option("--top", min=1, metavar="K", help="How many items to show; at most the list's length.")
    ] = None,
    exclude_seen: Annotated[
        bool | None,
        typer.Option(
            "--exclude-seen/--include-seen",
            help="Whether to leave out what the history has.",
            show_default="as the artifact says",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Recommend for a history, without a broker: the list that a worker would publish after the last click.

    The history is one session of clicks at one moment: a model that looks at the time between clicks sees none.

    Example: `nextclick recommend artifacts/movielens-100k --history "star wars,fargo" --top 5`
    """
    import msgspec  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from export.artifact import load_artifact  # noqa: PLC0415
    from export.catalogue import Catalogue  # noqa: PLC0415
    from export.recommending import recommend_for_history  # noqa: PLC0415

    loaded = load_artifact(artifact)
    catalogue = Catalogue(loaded.items)
    item_ids = catalogue.find_all(history)
    recommended = recommend_for_history(loaded, item_ids, exclude_seen=exclude_seen)[:top]
    if as_json:
        typer.echo(msgspec.json.encode({"history": item_ids, "items": recommended}).decode())
        return
    table = Table(
        "", "item", "title", "category", "score", title=f"After {', '.join(map(catalogue.title_of, item_ids))}"
    )
    for place, one in enumerate(recommended, start=1):
        category = catalogue.category_of(one.item_id) or ""
        title = Text(catalogue.title_of(one.item_id))
        table.add_row(str(place), Text(one.item_id), title, Text(category), f"{one.score:.3f}")
    Console().print(table)
