"""What the offline evaluation would list after the clicks of a test."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from export.artifact import Artifact
from export.offline import lists_after_clicks
from models.preparation.prepared_data import CLICK_SCHEMA

# Items and scores, best first.
ItemList = tuple[list[str], list[float]]


def offline_lists(artifact: Artifact, clicks: pl.DataFrame, *, exclude_seen: bool | None = None) -> list[ItemList]:
    """Return the list after each click, in the order of the clicks."""
    lists: dict[int, ItemList] = {}
    for block in lists_after_clicks(artifact, clicks, exclude_seen=exclude_seen):
        for click, indices, scores in zip(block.click.tolist(), block.top_item, block.top_score, strict=True):
            listed = np.isfinite(scores)
            items = [str(artifact.vocabulary.item_id_of(index)) for index in indices[listed].tolist()]
            lists[click] = (items, scores[listed].tolist())
    return [lists[click] for click in range(clicks.height)]


def lists_after(artifact: Artifact, *clicks: Mapping[str, object], exclude_seen: bool | None = None) -> list[ItemList]:
    """Return the list after each of some clicks as they are sent."""
    rows = [{name: click.get(name) for name in CLICK_SCHEMA} for click in clicks]
    return offline_lists(artifact, pl.DataFrame(rows, schema=CLICK_SCHEMA), exclude_seen=exclude_seen)


def published(bodies: Sequence[Mapping[str, Any]]) -> list[ItemList]:
    """Return the lists of recommendations read from their topic; a score is a float32 in as few digits as it needs."""
    return [(body["items"], np.array(body["scores"], np.float32).tolist()) for body in bodies]
