"""Prequential figures as a table for people, and as JSON's values for machines."""

from collections.abc import Mapping

import msgspec
import polars as pl
from rich.box import SIMPLE_HEAD
from rich.table import Table

from export.artifact import Artifact
from nextclick.prequential.figures import Figures, figures_of, slices

_MEASURES = ("HitRate", "MRR", "NDCG")


def figures_table(artifact: Artifact, outcomes: pl.DataFrame) -> Table:
    """Return the table of these outcomes: all of them, by strategy and by history."""
    manifest = artifact.manifest
    table = Table(
        title=f"Each click against the list of {manifest.list_length} that its user had, model {manifest.model_id}",
        caption=_caption(artifact, outcomes),
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("", no_wrap=True)
    table.add_column("clicks", justify="right", no_wrap=True)
    for measure in _MEASURES:
        table.add_column(measure, justify="right")
        table.add_column("popular", justify="right", style="dim")
    whole = figures_of(outcomes)
    if whole is None:
        return table
    table.add_row("all", *_cells(whole), end_section=True)
    kind = None
    for one in slices(outcomes):
        if kind not in {None, one.kind}:
            table.add_section()
        kind = one.kind
        table.add_row(one.name if kind == "strategy" else f"history {one.name}", *_cells(one.figures))
    return table


def as_values(artifact: Artifact, outcomes: pl.DataFrame) -> Mapping[str, object]:
    """Return the same for JSON."""
    whole = figures_of(outcomes)
    by: dict[str, dict[str, object]] = {"strategy": {}, "history": {}}
    for one in slices(outcomes):
        by[one.kind][one.name] = msgspec.to_builtins(one.figures)
    return {
        "model_id": artifact.manifest.model_id,
        "list_length": artifact.manifest.list_length,
        "unknown_items": _unknown_items(artifact, outcomes),
        "all": msgspec.to_builtins(whole),
        **by,
    }


def _cells(figures: Figures) -> list[str]:
    pairs = zip(msgspec.structs.astuple(figures.lists), msgspec.structs.astuple(figures.popular), strict=True)
    return [f"{figures.clicks:,}", *(f"{figure:.4f}" for pair in pairs for figure in pair)]


def _caption(artifact: Artifact, outcomes: pl.DataFrame) -> str:
    unknown = _unknown_items(artifact, outcomes)
    return (
        f"{len(outcomes):,} clicks of {outcomes['user_id'].n_unique():,} users who had a list; "
        f"{unknown:,} of them on items that the model does not know: misses of both."
    )


def _unknown_items(artifact: Artifact, outcomes: pl.DataFrame) -> int:
    """Count the clicks on items that the model does not know."""
    return int((~outcomes["item_id"].is_in(list(artifact.vocabulary.item_ids))).sum())
