"""The options that say which records of a topic or of a recording are meant, alike in each command."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from nextclick.recording.selection import Selection

Partitions = Annotated[
    list[int] | None,
    typer.Option("--partition", min=0, metavar="N", help="Only this partition; may be given more than once."),
]
Offsets = Annotated[
    list[str] | None,
    typer.Option(
        "--offsets",
        metavar="N:FROM-TO",
        help="Only these offsets of partition N, TO left out; 3:100- and 3:-200 are open. Likewise.",
    ),
]
Since = Annotated[
    str | None,
    typer.Option("--since", metavar="TIME", help="Timestamps then or later: 45m, 2h, 7d ago, or a date (UTC)."),
]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Timestamps before.")]


def selection_of(
    partitions: list[int] | None,
    offsets: list[str] | None,
    since: str | None,
    until: str | None,
    limit: int | None,
) -> "Selection":
    """Return what the options mean.

    Raises:
        DataError: If a time or a range of offsets is not written as one.
    """
    from nextclick.moments import parse_moment  # noqa: PLC0415
    from nextclick.recording.selection import Selection, parse_offsets  # noqa: PLC0415

    now_ms = time.time_ns() // 1_000_000
    return Selection(
        partitions=frozenset(partitions or ()),
        offsets=parse_offsets(offsets or ()),
        since_ms=None if since is None else parse_moment(since, now_ms),
        until_ms=None if until is None else parse_moment(until, now_ms),
        limit=limit,
    )
