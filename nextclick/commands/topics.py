"""`nextclick topics`: create and describe the topics that a worker needs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from nextclick.options import AsJson, BootstrapServers, ClicksTopic, Shadow

if TYPE_CHECKING:
    from nextclick.topics import TopicReport

topics = typer.Typer(help="Create and describe the topics that a worker needs.", no_args_is_help=True)


@topics.command()
def create(
    bootstrap_servers: BootstrapServers = None,
    partitions: Annotated[
        int, typer.Option("--partitions", min=1, help="Partitions of each topic: the most workers that can share it.")
    ] = 8,
    replication_factor: Annotated[
        int, typer.Option("--replication-factor", min=1, help="Copies of each partition; 3 in production.")
    ] = 1,
    clicks_topic: ClicksTopic = None,
    shadow: Shadow = None,
    as_json: AsJson = False,
) -> None:
    """Create the topics that are missing; check those that are there.

    Clicks, recommendations and user states get the same number of partitions: a list goes to the partition number of
    its click. The user states' topic is compacted. The dead letters' topic takes larger records than the click topic,
    so that every click can be set aside. Names come from the settings (`nextclick config`). Running it again changes
    nothing.

    Example: `nextclick topics create --partitions 16 --replication-factor 3`
    """
    from nextclick.shadow import chosen_settings  # noqa: PLC0415
    from nextclick.topics import create_topics, planned_topics  # noqa: PLC0415

    settings = chosen_settings(shadow, bootstrap_servers=bootstrap_servers, clicks_topic=clicks_topic)
    reports = create_topics(
        settings.bootstrap_servers,
        planned_topics(settings),
        partitions=partitions,
        replication_factor=replication_factor,
        security=settings.kafka_security,
    )
    _print(reports, as_json)


@topics.command()
def describe(bootstrap_servers: BootstrapServers = None, as_json: AsJson = False) -> None:
    """Show the topics that a worker needs, as the broker has them; exit code 1 if one is missing.

    Example: `nextclick topics describe --bootstrap-servers kafka:9092`
    """
    from nextclick.topics import describe_planned_topics, planned_topics  # noqa: PLC0415
    from workers.settings import load_settings  # noqa: PLC0415

    settings = load_settings(bootstrap_servers=bootstrap_servers)
    reports = describe_planned_topics(
        settings.bootstrap_servers, planned_topics(settings), security=settings.kafka_security
    )
    _print(reports, as_json)
    if any(report.found is None for report in reports):
        raise typer.Exit(1)


def _print(reports: Sequence["TopicReport"], as_json: bool) -> None:
    import msgspec  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Column, Table  # noqa: PLC0415

    if as_json:
        encoded = [
            {
                "topic": report.plan.name,
                "role": report.plan.role,
                "exists": report.found is not None,
                "created": report.created,
                "partitions": report.found.partitions if report.found else None,
                "replication_factor": report.found.replication_factor if report.found else None,
                "configs": dict(report.configs),
            }
            for report in reports
        ]
        typer.echo(msgspec.json.encode(encoded).decode())
        return
    # A name is there to be copied: never cut, never folded.
    table = Table(Column("topic", no_wrap=True), "for", "partitions", "replicas", "state", box=None)
    for report in reports:
        found = report.found
        table.add_row(
            report.plan.name,
            report.plan.role,
            str(found.partitions) if found else "",
            str(found.replication_factor) if found else "",
            "[red]missing[/]" if found is None else "[green]created[/]" if report.created else "there",
        )
    Console().print(table)
