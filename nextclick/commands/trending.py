"""`nextclick trending`: what everyone clicks just now."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nextclick.options import AsJson, BootstrapServers, ServedArtifact, Shadow

if TYPE_CHECKING:
    from export.artifact import Artifact
    from nextclick.trending import Trending
    from workers.settings import Settings


def trending(
    top: Annotated[int, typer.Option("--top", min=1, metavar="N", help="How many items to show.")] = 20,
    recording: Annotated[
        Path | None,
        typer.Option("--recording", metavar="COUNTS", help="Not from the broker: the counts topic as recorded."),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            "--at", metavar="TIME", help="In event time: a date (UTC), or 45m, 2h, 7d ago.", show_default="now"
        ),
    ] = None,
    artifact: ServedArtifact = None,
    shadow: Shadow = None,
    bootstrap_servers: BootstrapServers = None,
    as_json: AsJson = False,
) -> None:
    """Show the items that everyone's clicks lift most: decayed clicks and users, and what they add to a score.

    The counts are those that workers rank with: all buckets but the newest, which is still being counted. The snapshot
    is named as lists name theirs (`counts`). The counts topic is read from its beginning; no worker is asked.

    Example: `nextclick trending --top 10`, or `nextclick trending --recording counts.parquet --at 2017-10-10T12:00`
    """
    import msgspec  # noqa: PLC0415

    from export.artifact import load_artifact  # noqa: PLC0415
    from nextclick.moments import parse_moment  # noqa: PLC0415
    from nextclick.shadow import chosen_settings  # noqa: PLC0415

    settings = chosen_settings(shadow, bootstrap_servers=bootstrap_servers, artifact=artifact)
    at_ms = None if at is None else parse_moment(at, time.time_ns() // 1_000_000)
    found = _found(settings, load_artifact(settings.artifact), recording, at_ms, top)
    if as_json:
        typer.echo(msgspec.json.encode(None if found is None else _as_object(found)).decode())
        return
    if found is None:
        before = "" if at is None else f" before {at}"
        typer.echo(f"Nothing trends: {recording or settings.counts_topic} has no whole bucket of clicks{before}.")
        return
    _print(found)


def _found(
    settings: "Settings", artifact: "Artifact", recording: Path | None, at_ms: int | None, top: int
) -> "Trending | None":
    from nextclick.recording.files import open_recording  # noqa: PLC0415
    from nextclick.topic_reading import TopicReader  # noqa: PLC0415
    from nextclick.trending import recorded_counts, topic_records, trending_at  # noqa: PLC0415

    if recording is not None:
        return trending_at(artifact, recorded_counts(open_recording(recording)), at_ms=at_ms, top=top)
    with TopicReader(settings.bootstrap_servers, settings.counts_topic, settings.kafka_security) as reader:
        return trending_at(artifact, topic_records(reader), at_ms=at_ms, top=top)


def _as_object(found: "Trending") -> dict[str, object]:
    return {
        "counts": {"bucket": found.snapshot.bucket, "offset": found.snapshot.offset},
        "ended_ms": found.ended_ms,
        "lifted": found.lifted,
        "items": found.items,
    }


def _print(found: "Trending") -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from nextclick.moments import utc_text  # noqa: PLC0415

    console = Console(highlight=False, soft_wrap=True)
    bucket, offset = found.snapshot
    console.print(f"Clicks up to {utc_text(found.ended_ms)}: bucket {bucket}, counts topic below offset {offset}.")
    table = Table("", "item", "title", "clicks", "users", "share", "lift")
    for column in table.columns[3:]:
        column.justify = "right"
    for place, one in enumerate(found.items, start=1):
        numbers = f"{one.clicks:,.2f}", f"{one.users:,.2f}", f"{one.share:.2%}", f"{one.bias:+.3f}"
        table.add_row(str(place), Text(one.item_id), Text(one.title or ""), *numbers)
    console.print(table)
    console.print(f"{found.lifted:,} items are lifted; clicks and users are decayed, the lift is added to a score.")
