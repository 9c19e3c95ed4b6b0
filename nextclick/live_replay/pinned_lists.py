"""Published lists made again offline, each from the counts that it names.

1. Step the users through the test clicks, as the offline evaluation does, and keep every state.
2. Follow the counts topic from its beginning. At each snapshot rank for the clicks whose lists name it.

Workers are at different snapshots at the same time, so clicks go by their snapshots here and not by their times.

Legend: N clicks, B clicks of one run, R ring length, K list length.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from export.artifact import Artifact
from export.offline import USERS_AT_ONCE, are_empty, states_after_clicks
from export.popular_list import PopularList
from export.runtime import ModelRuntime, no_exclusions
from models.counts.counts_fold import Snapshot
from models.counts.recipe import CountsRecipe
from models.errors import CountsRecordError
from nextclick.online_evaluation import Lists, empty_lists
from workers.served_counts import CountsRecord, ServedCounts


def pinned_lists(
    artifact: Artifact,
    recipe: CountsRecipe,
    clicks: pl.DataFrame,
    named: Sequence[Snapshot | None],
    records: Iterable[CountsRecord],
    *,
    exclude_seen: bool,
) -> Lists:
    """Rank for every click by the snapshot that its published list names.

    Args:
        artifact: The model.
        recipe: Its recipe for live counts.
        clicks: N of them, each user's in their order.
        named: Each list's snapshot, N of them; None: it was ranked without counts.
        records: The counts topic, from its beginning.
        exclude_seen: Whether the items of a user's ring are left out.

    Raises:
        CountsRecordError: If a list names a snapshot that the topic does not have.
    """
    served = ServedCounts(recipe, artifact.vocabulary, np.zeros(artifact.manifest.item_count, np.float32))
    ranking = _PinnedRanking(artifact, served, clicks, exclude_seen=exclude_seen)
    waiting: defaultdict[Snapshot | None, list[int]] = defaultdict(list)
    for row, snapshot in enumerate(named):
        waiting[snapshot].append(row)
    ranking.rank(waiting.pop(None, []))
    for record in records:
        served.hand_over([record])
        served.advance()
        ranking.rank(waiting.pop(served.snapshot, []))
    if waiting:
        raise CountsRecordError(
            f"{sum(map(len, waiting.values()))} lists name {len(waiting)} snapshots that the counts topic does not "
            f"have, the first {next(iter(waiting))}: did another application write to it, or was it compacted?"
        )
    return ranking.lists


class _PinnedRanking:
    """Every click's state, and the lists that were made of them so far."""

    def __init__(self, artifact: Artifact, served: ServedCounts, clicks: pl.DataFrame, *, exclude_seen: bool) -> None:
        self.lists = empty_lists(artifact, len(clicks))
        self._artifact = artifact
        self._served = served
        self._excludes = exclude_seen
        self._runtime = ModelRuntime(artifact)
        self._state = self._runtime.initial_state(len(clicks))  # each (N, ...)
        self._rings = np.full((len(clicks), artifact.manifest.ring_length), -1, np.int32)  # newest first
        for click, state, ring_index in states_after_clicks(artifact, self._runtime, clicks):
            for tensor, rows in zip(self._state, state, strict=True):
                tensor[click] = rows
            self._rings[click] = ring_index[:, ::-1]

    def rank(self, rows: Sequence[int]) -> None:
        """Make the lists of some clicks by the counts as they are."""
        for start in range(0, len(rows), USERS_AT_ONCE):
            self._rank_run(np.array(rows[start : start + USERS_AT_ONCE]))

    def _rank_run(self, click: NDArray[np.int64]) -> None:
        state, ring = tuple(tensor[click] for tensor in self._state), self._rings[click]
        seen = ring.astype(np.int64) if self._excludes else no_exclusions(*ring.shape)
        bias = self._served.item_bias
        top_item, top_score = self._runtime.rank(state, seen, bias, self._served.boosts(ring))
        empty = are_empty(state)
        if empty.any():
            top_item[empty], top_score[empty] = PopularList(self._artifact, bias).rank(seen[empty])
        self.lists[0][click] = np.where(np.isfinite(top_score), top_item, -1)
        self.lists[1][click] = top_score
