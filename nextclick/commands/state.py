"""`nextclick state`: what is remembered of a user."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from nextclick.options import AsJson, BootstrapServers, ServedArtifact

if TYPE_CHECKING:
    from export.catalogue import Catalogue
    from nextclick.stored_state import StoredState


def state(
    user: Annotated[str, typer.Argument(metavar="USER", help="Whose state.")],
    artifact: ServedArtifact = None,
    bootstrap_servers: BootstrapServers = None,
    as_json: AsJson = False,
) -> None:
    """Show what is remembered of a user: clicks applied, last offset, the ring of last items, the tensors' norms.

    It reads the newest record in the changelog topic, all of it: seconds for a small topic, longer for a large one.
    No worker is asked, none need run.

    Example: `nextclick state alice`
    """
    from export.artifact import load_artifact  # noqa: PLC0415
    from export.catalogue import Catalogue  # noqa: PLC0415
    from nextclick.stored_state import read_stored_state  # noqa: PLC0415
    from workers.settings import load_settings  # noqa: PLC0415

    settings = load_settings(bootstrap_servers=bootstrap_servers, artifact=artifact)
    loaded = load_artifact(settings.artifact)
    stored = read_stored_state(settings, user, loaded)
    if as_json:
        import msgspec  # noqa: PLC0415

        typer.echo(msgspec.json.encode(stored).decode())
        return
    _print(stored, Catalogue(loaded.items), settings.changelog_topic)


def _print(stored: "StoredState", catalogue: "Catalogue", changelog: str) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.markup import escape  # noqa: PLC0415

    from models.sequences.vocabulary import ItemId  # noqa: PLC0415

    console = Console(highlight=False, soft_wrap=True)
    console.print(f"[bold]{escape(stored.user_id)}[/]")
    console.print(f"  clicks       {stored.clicks:,} applied, {stored.session_clicks:,} of them in the present session")
    console.print(f"  updated      {_utc(stored.updated_at_ms)} (event time)")
    console.print(f"  last click   partition {stored.source_partition}, offset {stored.last_offset}")
    console.print(f"  record       {changelog}/{stored.partition} offset {stored.offset}, {stored.record_bytes} bytes")
    for model in stored.models:
        norms = (
            "of another model than the artifact's"
            if model.norms is None
            else ", ".join(f"|{name}| = {norm:.4f}" for name, norm in model.norms.items())
        )
        console.print(f"  model        {model.model_id}: {norms} ({model.bytes} bytes)")
    console.print("  last items, newest first:")
    for item in reversed(stored.ring):
        title = f"unknown item {item.item_hash}" if item.item_id is None else catalogue.title_of(ItemId(item.item_id))
        console.print(f"    {_utc(item.timestamp_ms)}  {escape(title)}")


def _utc(timestamp_ms: int) -> str:
    return datetime.fromtimestamp(timestamp_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
