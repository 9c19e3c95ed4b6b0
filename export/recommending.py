"""One list for one history: what the worker would publish after its last click."""

from collections.abc import Sequence

import msgspec
import numpy as np
import polars as pl

from export.artifact import Artifact
from export.offline import lists_after_clicks
from models.preparation.prepared_data import CLICK_SCHEMA
from models.sequences.vocabulary import ItemId


class RecommendedItem(msgspec.Struct, frozen=True):
    """An item of a list."""

    item_id: ItemId
    score: float


def recommend_for_history(
    artifact: Artifact, history: Sequence[ItemId], *, exclude_seen: bool | None = None
) -> list[RecommendedItem]:
    """Recommend after a session of clicks at one moment, best item first.

    Args:
        artifact: The model.
        history: What was clicked, oldest first, at least one item; one that the model does not know changes nothing.
        exclude_seen: Whether the history's items are left out; None: as the manifest says.
    """
    clicks = pl.DataFrame(
        [{"user_id": "user", "session_id": "session", "item_id": item_id, "timestamp_ms": 0} for item_id in history],
        schema=CLICK_SCHEMA,
    )
    for block in lists_after_clicks(artifact, clicks, exclude_seen=exclude_seen):
        newest = block
    listed = np.isfinite(newest.top_score[0])
    return [
        RecommendedItem(artifact.vocabulary.item_id_of(index), score)
        for index, score in zip(newest.top_item[0, listed].tolist(), newest.top_score[0, listed].tolist(), strict=True)
    ]
