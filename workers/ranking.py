"""Step 5: stepped clicks -> the items of their lists.

Legend: S stepped clicks, B of them in one run, R ring length, K list length, V items.
"""

from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from export.artifact import Artifact
from export.popular_list import PopularList
from export.runtime import ModelRuntime, no_exclusions
from models.boosts import Boosts
from workers.events import Strategy
from workers.served_counts import ServedCounts
from workers.stepping import STRATEGIES, SteppedClicks

_POPULAR, _TRENDING = (STRATEGIES.index(strategy) for strategy in (Strategy.POPULAR, Strategy.TRENDING))


class RankedItems(NamedTuple):
    """Best items first; a score of -inf where no more items may be listed.

    Attributes:
        top_item: (S, K).
        top_score: (S, K).
    """

    top_item: NDArray[np.int64]
    top_score: NDArray[np.float32]


class Ranker:
    """Ranks the catalogue for stepped clicks.

    Args:
        artifact: The model's items and their popularity.
        runtime: The model.
        item_bias: Added to every list's scores, (V,); -inf where an item is not available, +inf nowhere.
        exclude_seen: Whether the items of a user's ring are left out.
        counts: What everyone clicks; None: nobody counts.
    """

    def __init__(
        self,
        artifact: Artifact,
        runtime: ModelRuntime,
        *,
        item_bias: NDArray[np.float32],
        exclude_seen: bool,
        counts: ServedCounts | None = None,
    ) -> None:
        self._runtime = runtime
        self._manifest = artifact.manifest
        self._artifact = artifact
        self._item_bias = item_bias
        self._counts = counts
        self._exclude_seen = exclude_seen
        # As many scores as stay in the second-level cache.
        self._rows_per_run = artifact.manifest.ranking.rows_per_run

    def rank(self, stepped: SteppedClicks) -> RankedItems:
        """Rank for each click, in the order given: the same items and scores whatever else is in the batch."""
        shape = len(stepped), self._manifest.list_length
        ranked = RankedItems(np.empty(shape, np.int64), np.empty(shape, np.float32))
        self._follow_counts()
        of_nobody = (stepped.strategy == _POPULAR) | (stepped.strategy == _TRENDING)
        popular = np.flatnonzero(of_nobody)
        if not len(popular):
            self._rank_personal(stepped, ranked)
            return ranked
        personal = np.flatnonzero(~of_nobody)
        of_state = RankedItems(ranked.top_item[personal], ranked.top_score[personal])
        self._rank_personal(stepped.take(personal), of_state)
        ranked.top_item[personal], ranked.top_score[personal] = of_state
        exclude_index = self._exclude_index(stepped.seen_index[popular])
        ranked.top_item[popular], ranked.top_score[popular] = self._popular.rank(exclude_index)
        return ranked

    @cached_property
    def _popular(self) -> PopularList:
        return PopularList(self._artifact, self._item_bias)

    def _follow_counts(self) -> None:
        """Take what everyone clicks as the counts have it now."""
        if self._counts is not None and self._counts.item_bias is not self._item_bias:
            self._item_bias = self._counts.item_bias
            self.__dict__.pop("_popular", None)

    def _rank_personal(self, stepped: SteppedClicks, ranked: RankedItems) -> None:
        """Fill in what the model ranks from each click's state."""
        boosts = None if self._counts is None else self._counts.boosts(stepped.recent_index)
        for start in range(0, len(stepped), self._rows_per_run):
            run = slice(start, start + self._rows_per_run)
            state = tuple(tensor[run] for tensor in stepped.tensors)
            exclude_index = self._exclude_index(stepped.seen_index[run])
            boosted = None if boosts is None else Boosts(boosts.item_index[run], boosts.value[run])
            ranked.top_item[run], ranked.top_score[run] = self._runtime.rank(
                state, exclude_index, self._item_bias, boosted
            )

    def probe(self) -> None:
        """Rank from the empty state.

        Raises:
            ArtifactError: If the model fails on any state.
        """
        self._runtime.rank(
            self._runtime.initial_state(1), no_exclusions(1, self._manifest.ring_length), self._item_bias
        )

    def _exclude_index(self, seen_index: NDArray[np.int32]) -> NDArray[np.int64]:
        """Return the items that may not be listed, (B, R), padded with -1."""
        if self._exclude_seen:
            return seen_index.astype(np.int64)
        return no_exclusions(len(seen_index), self._manifest.ring_length)


def call_trending(stepped: SteppedClicks) -> None:
    """Call the popular lists what they are where what everyone clicks just now is known."""
    stepped.strategy[stepped.strategy == _POPULAR] = _TRENDING
