"""`nextclick click`: one click by hand, and the list that comes back."""

from typing import TYPE_CHECKING, Annotated

import typer

from nextclick.options import AsJson, BootstrapServers, ServedArtifact

if TYPE_CHECKING:
    from nextclick.clicking import ClickAnswer
    from nextclick.item_names import ItemNames


def click(
    user: Annotated[str, typer.Argument(metavar="USER", help="Who clicks.")],
    item: Annotated[str, typer.Argument(metavar="ITEM", help="What is clicked: its id, its title or a part of it.")],
    session: Annotated[str | None, typer.Option("--session", help="The session's id, where you have one.")] = None,
    consent: Annotated[
        bool, typer.Option("--consent/--no-consent", help="Without: rank from this click alone, keep nothing.")
    ] = True,
    top: Annotated[int, typer.Option("--top", min=1, metavar="K", help="Show this many items.")] = 10,
    timeout_s: Annotated[float, typer.Option("--timeout-s", min=0.1, help="How long to wait for the list.")] = 10.0,
    artifact: ServedArtifact = None,
    bootstrap_servers: BootstrapServers = None,
    as_json: AsJson = False,
) -> None:
    """Send one click and show the list that comes back, and how long it took.

    Titles come from the artifact; where there is none, items are named by their ids. A worker must be running.

    Example: `nextclick click alice "toy story"`
    """
    from nextclick.clicking import click_and_wait  # noqa: PLC0415
    from nextclick.item_names import load_item_names  # noqa: PLC0415
    from workers.settings import load_settings  # noqa: PLC0415

    settings = load_settings(bootstrap_servers=bootstrap_servers, artifact=artifact)
    names = load_item_names(settings.artifact)
    answer = click_and_wait(
        settings,
        user_id=user,
        item_id=names.find(item),
        session_id=session,
        consent=None if consent else False,
        timeout_s=timeout_s,
    )
    if as_json:
        import msgspec  # noqa: PLC0415

        typer.echo(msgspec.json.encode(answer).decode())
        return
    _print(answer, names, top)


def _print(answer: "ClickAnswer", names: "ItemNames", top: int) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.markup import escape  # noqa: PLC0415

    published = answer.list
    console = Console(highlight=False, soft_wrap=True)
    console.print(
        f"{escape(answer.click.user_id)} clicked [bold]{escape(names.title_of(answer.click.item_id))}[/]; "
        f"{published.strategy} list in {answer.latency_ms:.0f} ms, model {published.model_id}"
    )
    for place, (item_id, score) in enumerate(zip(published.items[:top], published.scores, strict=False), start=1):
        console.print(f"{place:>4}  {score:8.3f}  {escape(names.title_of(item_id))}")
