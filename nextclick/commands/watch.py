"""`nextclick watch`: lists as they come."""

from typing import Annotated

import typer

from nextclick.options import AsJson, BootstrapServers, Limit, ServedArtifact


def watch(
    user: Annotated[str | None, typer.Option("--user", help="Only this user's lists.")] = None,
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="Begin with the oldest list that the topic still has.")
    ] = False,
    top: Annotated[int, typer.Option("--top", min=1, metavar="K", help="Show this many items of each list.")] = 3,
    limit: Limit = None,
    artifact: ServedArtifact = None,
    bootstrap_servers: BootstrapServers = None,
    as_json: AsJson = False,
) -> None:
    """Show lists as they are published, with titles, until Ctrl-C or `--limit` lists.

    With `--json`, each list is one line, as it is in the topic. Nothing is committed: watching takes no list away from
    anyone.

    Example: `nextclick watch --user alice`, or `nextclick watch --from-beginning --limit 10 --json`
    """
    from rich.console import Console  # noqa: PLC0415
    from rich.markup import escape  # noqa: PLC0415

    from nextclick.item_names import load_item_names  # noqa: PLC0415
    from nextclick.signals import stopped_by_signal  # noqa: PLC0415
    from nextclick.topic_reading import TopicReader  # noqa: PLC0415
    from nextclick.watching import published_lists  # noqa: PLC0415
    from workers.settings import load_settings  # noqa: PLC0415

    settings = load_settings(bootstrap_servers=bootstrap_servers, artifact=artifact)
    names = load_item_names(settings.artifact)
    console = Console(highlight=False, soft_wrap=True)
    reader = TopicReader(settings.bootstrap_servers, settings.recommendations_topic, settings.kafka_security)
    with stopped_by_signal(), reader:
        for published, encoded in published_lists(reader, user, from_beginning=from_beginning, limit=limit):
            if as_json:
                typer.echo(encoded)
                continue
            titles = " · ".join(escape(names.title_of(item_id)) for item_id in published.items[:top])
            console.print(f"[bold]{escape(published.user_id)}[/] [dim]{published.strategy}[/]  {titles}")
