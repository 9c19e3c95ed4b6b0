"""Why an item may be on a list: the click without which it would stand lowest.

Leave-one-out, with the model itself and nothing beside it: the artifact runs over all of the user's clicks, and again
without each of the last few, and what is compared is the item's place. That is what the model would have done, not
what it "thought": two clicks that say the same hide each other, and only one is left out at a time.

The run over all clicks has to give the published list, item by item; where it does not, nothing is explained.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from export.artifact import Artifact
from export.offline import lists_after_clicks
from models.preparation.prepared_data import CLICK_SCHEMA
from nextclick.replaying import ClickMessage

# Clicks that are left out in turn, the newest ones.
MOST_LEFT_OUT = 8
# Beyond that a run takes longer than a person waits for.
MOST_CLICKS = 200
EVERYTHING = "all"


class Reason(NamedTuple):
    """Why an item may be listed.

    Attributes:
        item_id: The item.
        because: The item of the click without which it would stand lowest.
        place_without: Where it would stand then, from 1; None: not on the list.
    """

    item_id: str
    because: str
    place_without: int | None


def explain(artifact: Artifact, clicks: Sequence[ClickMessage], published: Sequence[str]) -> list[Reason]:
    """Return the reason of each published item that has one, in the list's order.

    Args:
        artifact: The model that the list is of.
        clicks: All of the user's clicks, oldest first.
        published: The list after the last of them, best item first.
    """
    if not clicks or len(clicks) > MOST_CLICKS:
        return []
    left_out = range(max(0, len(clicks) - MOST_LEFT_OUT), len(clicks))
    lists = _lists(artifact, clicks, left_out)
    if lists.get(EVERYTHING) != list(published):
        return []
    reasons = []
    for place, item_id in enumerate(published, start=1):
        without = {number: _place(lists.get(str(number), []), item_id, clicks[number].item_id) for number in left_out}
        # The newest of those without which it falls furthest; off the list is further than its end.
        number = max(left_out, key=lambda one: (without[one] or len(published) + 1, one))
        if (without[number] or len(published) + 1) > place:
            reasons.append(Reason(item_id, clicks[number].item_id, without[number]))
    return reasons


def _lists(artifact: Artifact, clicks: Sequence[ClickMessage], left_out: Sequence[int]) -> dict[str, list[str]]:
    """Return the list after all clicks and, by its number, without each of these; an empty history has none."""
    runs = {EVERYTHING: list(clicks)} | {str(number): [*clicks[:number], *clicks[number + 1 :]] for number in left_out}
    table = pl.DataFrame(
        [
            {
                "user_id": run,
                "session_id": click.session_id,
                "item_id": click.item_id,
                "timestamp_ms": click.timestamp_ms,
            }
            for run, history in runs.items()
            for click in history
        ],
        schema=CLICK_SCHEMA,
    )
    last_row = {run: row for row, run in enumerate(table["user_id"])}
    run_of_row = {row: run for run, row in last_row.items()}
    lists: dict[str, list[str]] = {}
    for block in lists_after_clicks(artifact, table):
        for number, row in enumerate(block.click.tolist()):
            if row in run_of_row:
                lists[run_of_row[row]] = _item_ids(artifact, block.top_item[number], block.top_score[number])
    return lists


def _item_ids(artifact: Artifact, top_item: NDArray[np.int64], top_score: NDArray[np.float32]) -> list[str]:
    return [artifact.vocabulary.item_id_of(index) for index in top_item[np.isfinite(top_score)].tolist()]


def _place(items: Sequence[str], item_id: str, left_out: str) -> int | None:
    """Return an item's place, from 1; the item of the click that is left out, unseen then, takes nobody's place."""
    others = [item for item in items if item != left_out]
    return others.index(item_id) + 1 if item_id in others else None
