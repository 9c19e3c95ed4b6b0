"""`nextclick dead-letters`: list, show and send again what a worker set aside."""

from typing import TYPE_CHECKING, Annotated

import typer

from nextclick.options import AsJson, BootstrapServers

if TYPE_CHECKING:
    from nextclick.dead_letters import LetterFilter
    from workers.settings import Settings

dead_letters = typer.Typer(help="List, show and send again the records that a worker set aside.", no_args_is_help=True)

Topic = Annotated[
    str | None, typer.Option("--topic", help="The dead-letter topic.", show_default="as the settings say")
]
Reasons = Annotated[
    list[str] | None, typer.Option("--reason", metavar="REASON", help="Only these; may be given more than once.")
]
Partitions = Annotated[
    list[int] | None, typer.Option("--partition", min=0, help="Only these of the dead-letter topic; likewise.")
]
Since = Annotated[
    str | None, typer.Option("--since", metavar="TIME", help="Written then or later: 45m, 2h, 7d ago, or a date (UTC).")
]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Written before.")]
Record = Annotated[str, typer.Argument(metavar="PARTITION:OFFSET", help="Its place in the dead-letter topic.")]
Records = Annotated[
    list[str] | None,
    typer.Option("--record", metavar="PARTITION:OFFSET", help="This one; may be given more than once."),
]


@dead_letters.command("list")
def list_(
    reasons: Reasons = None,
    partitions: Partitions = None,
    since: Since = None,
    until: Until = None,
    examples: Annotated[int, typer.Option("--examples", min=0, metavar="N", help="The newest N of each reason.")] = 3,
    topic: Topic = None,
    bootstrap_servers: BootstrapServers = None,
    as_json: AsJson = False,
) -> None:
    """Count dead letters by reason and show the newest of each.

    The whole topic is read up to its present end. `sent again` counts the letters whose records `redrive` has sent.

    Example: `nextclick dead-letters list --since 2h`
    """
    from nextclick.dead_letter_printing import print_summary, summary_as_json  # noqa: PLC0415
    from nextclick.dead_letter_summary import LetterSummary  # noqa: PLC0415
    from nextclick.dead_letters import read_dead_letters  # noqa: PLC0415
    from nextclick.redrive_marks import read_marks  # noqa: PLC0415

    settings = _settings(bootstrap_servers, topic)
    wanted = _filter(reasons, partitions, None, since, until)
    redriven = read_marks(settings).redriven
    summary = LetterSummary.of(read_dead_letters(settings), wanted, redriven, examples)
    if as_json:
        typer.echo(summary_as_json(summary))
    else:
        print_summary(summary, settings.dead_letter_topic)


@dead_letters.command()
def show(
    record: Record,
    as_hex: Annotated[bool, typer.Option("--hex", help="Show the value in hexadecimal, text or not.")] = False,
    topic: Topic = None,
    bootstrap_servers: BootstrapServers = None,
    as_json: AsJson = False,
) -> None:
    """Show one dead letter: why it was rejected, where it came from, its key, headers and bytes.

    What is not printable is escaped: a record cannot do anything to a terminal. `--json` has the bytes in base64.

    Example: `nextclick dead-letters show 3:1208`
    """
    from nextclick.dead_letter_printing import letter_as_json, print_letter  # noqa: PLC0415
    from nextclick.dead_letters import read_dead_letter  # noqa: PLC0415

    settings = _settings(bootstrap_servers, topic)
    letter = read_dead_letter(settings, *_place(record))
    if as_json:
        typer.echo(letter_as_json(letter))
    else:
        print_letter(letter, as_hex=as_hex)


@dead_letters.command()
def redrive(
    reasons: Reasons = None,
    partitions: Partitions = None,
    records: Records = None,
    every: Annotated[bool, typer.Option("--all", help="All of them; else name a --reason or a --record.")] = False,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="Send at most so many.")] = None,
    to_topic: Annotated[
        str | None,
        typer.Option("--to", metavar="TOPIC", help="Send there.", show_default="the topic that it came from"),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count only, send nothing.")] = False,
    topic: Topic = None,
    bootstrap_servers: BootstrapServers = None,
    as_json: AsJson = False,
) -> None:
    """Send records back to the click topic as they first came: key, value, headers, partition number.

    Each record is sent once, however often this is run and wherever it is killed. What was sent is remembered in the
    topic `<dead letters>.redriven`. On a broker without transactions (the embedded one) two runs at the same time can
    send a record twice. The header `nextclick.redriven_from` says where a click was before; a click that is rejected
    once more is a new dead letter and can be sent again. States that did not decode (`unreadable_state`) are no clicks
    and never sent.

    Exit code 1 if a record could not be sent; with --all, states do not count.

    Example: `nextclick dead-letters redrive --reason id_too_long --dry-run`
    """
    import asyncio  # noqa: PLC0415

    from rich.console import Console  # noqa: PLC0415

    from nextclick.dead_letter_printing import print_redrive, redrive_as_json  # noqa: PLC0415
    from nextclick.redrive_selection import Fate  # noqa: PLC0415
    from nextclick.redriving import Redrive, redrive_dead_letters  # noqa: PLC0415
    from nextclick.signals import stop_at_signal  # noqa: PLC0415

    if every == bool(reasons or records):
        raise typer.BadParameter("Name a --reason or a --record, or --all.", param_hint="--all")
    settings = _settings(bootstrap_servers, topic)
    asked = Redrive(_filter(reasons, partitions, records, since, until), to_topic, limit, dry_run)
    with stop_at_signal() as stop, Console(stderr=True).status("Reading dead letters") as status:
        report = asyncio.run(
            redrive_dead_letters(
                settings, asked, on_progress=lambda sent: status.update(f"{sent:,} records sent again"), stop=stop
            )
        )
    if as_json:
        typer.echo(redrive_as_json(report))
    else:
        print_redrive(report)
    if report.unsendable or (report.fates[Fate.NOT_A_CLICK] and not every):
        raise typer.Exit(1)


def _settings(bootstrap_servers: str | None, topic: str | None) -> "Settings":
    from workers.settings import load_settings  # noqa: PLC0415

    return load_settings(bootstrap_servers=bootstrap_servers, dead_letter_topic=topic)


def _filter(
    reasons: list[str] | None,
    partitions: list[int] | None,
    records: list[str] | None,
    since: str | None,
    until: str | None,
) -> "LetterFilter":
    import time  # noqa: PLC0415

    from nextclick.dead_letters import LetterFilter  # noqa: PLC0415
    from nextclick.moments import parse_moment  # noqa: PLC0415

    now_ms = time.time_ns() // 1_000_000
    return LetterFilter(
        reasons=frozenset(reasons or ()),
        partitions=frozenset(partitions or ()),
        records=frozenset(_place(record) for record in records or ()),
        since_ms=None if since is None else parse_moment(since, now_ms),
        until_ms=None if until is None else parse_moment(until, now_ms),
    )


def _place(record: str) -> tuple[int, int]:
    partition, _, offset = record.partition(":")
    if not all(part.isascii() and part.isdigit() and len(part) < 20 for part in (partition, offset)):  # noqa: PLR2004
        raise typer.BadParameter(f"{record!r} is no PARTITION:OFFSET, such as 3:1208.")
    return int(partition), int(offset)
