"""An artifact on one page, for a person."""

from collections.abc import Iterable
from datetime import UTC, datetime
from math import prod

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from export.artifact import MANIFEST_FILE, Artifact, Manifest, Ranking, StateTensor
from models.counts.recipe import CountsRecipe
from models.sequences.features import EventType, Feature, TimeGap, Value
from models.session_rule import SessionRule

POPULAR_ITEMS = 5


def artifact_page(artifact: Artifact) -> RenderableType:
    """Lay out what the artifact is, what it remembers of a user, what it was made of and how it was checked."""
    manifest = artifact.manifest
    return Group(
        Text.assemble((str(artifact.folder), "bold"), f"  {manifest.model_kind}, model ", (manifest.model_id, "bold")),
        _section("Model", _model_rows(manifest)),
        _section("Items", _item_rows(artifact)),
        _section("Training data", _training_rows(manifest)),
        _section("Metrics", [(name, f"{value:.4f}") for name, value in manifest.metrics.items()] or [("none", "")]),
        _section("Parity", _parity_rows(manifest)),
        _section("Ranking", _ranking_rows(manifest.ranking, manifest.list_length)),
        _section("Live counts", _counts_rows(manifest.counts)),
        _section("Made with", sorted(manifest.libraries.items())),
        _section("Files", _file_rows(artifact)),
    )


def state_bytes(manifest: Manifest) -> int:
    """Return the bytes of one user's tensors as they are stored."""
    return sum(prod(tensor.shape) * np.dtype(tensor.dtype).itemsize for tensor in manifest.state)


def _section(title: str, rows: Iterable[tuple[str, str]]) -> RenderableType:
    table = Table(box=None, show_header=False, padding=(0, 2))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(Text(name), Text(value))
    return Group(Text(f"\n{title}", style="bold"), table)


def _model_rows(manifest: Manifest) -> list[tuple[str, str]]:
    seen = "left out of the list" if manifest.exclude_seen else "listed like any other"
    return [
        ("state", ", ".join(map(_spell_tensor, manifest.state))),
        ("state per user", f"{state_bytes(manifest):,} bytes"),
        ("features", ", ".join(map(_spell_feature, manifest.features)) or "none beside the item"),
        ("list length K", str(manifest.list_length)),
        ("ring length R", f"{manifest.ring_length}, the last items of a user that are remembered"),
        ("items seen already", f"{seen}, unless a setting says otherwise"),
        ("state starts over", _spell_rule(manifest.session_rule)),
    ]


def _item_rows(artifact: Artifact) -> list[tuple[str, str]]:
    items = artifact.items
    others = [name for name in items.columns if name not in ("item_id", "popularity")]
    popular = items.sort("popularity", descending=True, maintain_order=True).head(POPULAR_ITEMS)
    return [
        ("count V", f"{len(items):,}"),
        ("columns", ", ".join(["item_id", "popularity", *(name for name in others if items[name].count())])),
        *(
            ("most clicked" if place == 0 else "", f"{title or item_id} ({item_id}), {popularity:,} clicks")
            for place, (item_id, title, popularity) in enumerate(
                popular.select("item_id", "title", "popularity").iter_rows()
            )
        ),
    ]


def _training_rows(manifest: Manifest) -> list[tuple[str, str]]:
    data = manifest.training_data
    return [
        ("data set", data.dataset),
        ("clicks", f"{data.clicks:,} in {data.sessions:,} sessions"),
        ("period", f"{_spell_time(data.first_timestamp_ms)} to {_spell_time(data.last_timestamp_ms)}"),
    ]


def _parity_rows(manifest: Manifest) -> list[tuple[str, str]]:
    parity = manifest.parity
    sequence = parity.sequence_max_abs_difference
    return [
        ("1 step", f"torch and onnxruntime differ by {parity.step_max_abs_difference:.1e} at most"),
        ("2 sequence", f"{parity.sequence_length} chained steps and one pass differ by {sequence:.1e} at most"),
        ("3 batch", f"bit for bit each user alone, in batches of {', '.join(map(str, parity.batch_sizes))}"),
    ]


def _ranking_rows(ranking: Ranking, list_length: int) -> list[tuple[str, str]]:
    method = "every item in float32"
    if ranking.coarse is not None:
        coarse = ranking.coarse
        tiles = "one tile" if coarse.tiles == 1 else f"{coarse.tiles:,} tiles"
        method = (
            f"every item in int8, in {tiles}; then in float32 the best of {coarse.blocks:,} blocks of "
            f"{coarse.items_per_block} items"
        )
    return [
        ("scores", method),
        ("lists a run", str(ranking.rows_per_run)),
        ("recall", f"{ranking.recall:.4f} of the exact top {list_length}, over {ranking.reference_lists} lists"),
    ]


def _counts_rows(recipe: CountsRecipe | None) -> list[tuple[str, str]]:
    if recipe is None or recipe.useless:
        return [("none", "" if recipe is None else "they were fitted, and are useless for these lists")]
    half_lives = {
        "popularity": recipe.popularity_half_life,
        "transitions": recipe.transition_half_life,
        "co-occurrence": recipe.cooccurrence_half_life,
    }
    spelt = ", ".join(f"{name} {buckets * recipe.bucket_ms / 60_000:.1f} min" for name, buckets in half_lives.items())
    trending = f"{recipe.trending_users:g} users or more" if recipe.trending_users else "whatever anyone clicked"
    return [
        ("buckets", f"{recipe.bucket_ms / 1_000:g} s"),
        ("half lives", spelt),
        ("strength", f"{recipe.strength:g}, beside the network's scores"),
        ("clicks of a user", f"{recipe.clicks_per_user} at most for an item and bucket"),
        ("may trend", trending),
    ]


def _file_rows(artifact: Artifact) -> list[tuple[str, str]]:
    rows = [(MANIFEST_FILE, f"{(artifact.folder / MANIFEST_FILE).stat().st_size:>12,} bytes")]
    for name, digest in artifact.manifest.files.items():
        rows.append((name, f"{(artifact.folder / name).stat().st_size:>12,} bytes  sha256 {digest[:16]}..."))
    return rows


def _spell_tensor(tensor: StateTensor) -> str:
    return f"{tensor.name} {tensor.dtype} ({', '.join(map(str, tensor.shape))})"


def _spell_feature(feature: Feature) -> str:
    match feature:
        case TimeGap(mean=mean, std=std):
            return f"time gap (log-seconds, mean {mean:.2f}, std {std:.2f})"
        case EventType(categories=categories):
            return f"event type ({', '.join(categories)})"
        case Value(mean=mean, std=std):
            return f"value (mean {mean:.2f}, std {std:.2f})"


def _spell_rule(rule: SessionRule) -> str:
    reasons = ["the session id changes"] if rule.by_id else []
    if rule.gap_ms is not None:
        reasons.append(f"a user was idle for more than {rule.gap_ms / 60_000:,.0f} minutes")
    return "when " + ", or when ".join(reasons) if reasons else "never"


def _spell_time(timestamp_ms: int) -> str:
    return datetime.fromtimestamp(timestamp_ms / 1000, tz=UTC).strftime("%Y-%m-%d %H:%M UTC")
