"""Step 5: stepped clicks -> lists.

Legend: B lists of one run, R ring length, K list length, V items.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from export.artifact import Artifact
from export.popular_list import PopularList
from export.runtime import ModelRuntime, gather_state, no_exclusions
from models.vocabulary import ItemIndex
from workers.events import Recommendation, Strategy
from workers.stepping import SteppedClick, user_key
from workers.user_state import ring_entries

# Scores of 16 lists at a time stay in the second-level cache: 20 % less than 256 at a time, at 10,240 items.
ROWS_PER_RUN = 16


class Ranker:
    """Ranks the catalogue for stepped clicks.

    Args:
        artifact: The model's items and their popularity.
        runtime: The model.
        item_bias: Added to every list's scores, (V,); -inf where an item is not available, +inf nowhere.
        exclude_seen: Whether the items of a user's ring are left out.
    """

    def __init__(
        self, artifact: Artifact, runtime: ModelRuntime, *, item_bias: NDArray[np.float32], exclude_seen: bool
    ) -> None:
        self._runtime = runtime
        self._manifest = artifact.manifest
        self._vocabulary = artifact.vocabulary
        self._item_bias = item_bias
        self._exclude_seen = exclude_seen
        self._popular = PopularList(artifact, item_bias)

    def rank(self, stepped: Sequence[SteppedClick]) -> list[Recommendation]:
        """Return the list of each click, in the order given.

        A list is shorter than K where fewer items may be listed, and the same whatever else is in the batch.
        """
        lists: dict[int, Recommendation] = {}
        personal = [position for position, one in enumerate(stepped) if one.strategy is not Strategy.POPULAR]
        popular = [position for position, one in enumerate(stepped) if one.strategy is Strategy.POPULAR]
        for start in range(0, len(personal), ROWS_PER_RUN):
            run = personal[start : start + ROWS_PER_RUN]
            clicks = [stepped[position] for position in run]
            state = gather_state([one.tensors for one in clicks])
            ranked = self._runtime.rank(state, self._exclude_index(clicks), self._item_bias)
            lists.update(zip(run, self._lists(clicks, ranked), strict=True))
        clicks = [stepped[position] for position in popular]
        lists.update(zip(popular, self._lists(clicks, self._popular.rank(self._exclude_index(clicks))), strict=True))
        return [lists[position] for position in range(len(stepped))]

    def _exclude_index(self, clicks: Sequence[SteppedClick]) -> NDArray[np.int64]:
        """Return the items that may not be listed, (B, R), padded with -1."""
        exclude_index = no_exclusions(len(clicks), self._manifest.ring_length)
        if self._exclude_seen:
            for row, one in enumerate(clicks):
                seen = self._seen(one)
                exclude_index[row, : len(seen)] = seen
        return exclude_index

    def _lists(
        self, clicks: Sequence[SteppedClick], ranked: tuple[NDArray[np.int64], NDArray[np.float32]]
    ) -> Iterator[Recommendation]:
        for one, top_item, top_score in zip(clicks, *ranked, strict=True):
            listed = np.isfinite(top_score)
            yield Recommendation(
                click=one.click,
                items=tuple(self._vocabulary.item_id_of(index) for index in top_item[listed].tolist()),
                scores=top_score[listed],
                strategy=one.strategy,
            )

    def _seen(self, one: SteppedClick) -> list[ItemIndex]:
        """Return the known items that the user has clicked lately, this click's item included; at most R."""
        if one.state is None:
            clicked = self._vocabulary.index_of(one.click.item_id)
            return [] if clicked is None else [clicked]
        indices = (self._vocabulary.index_of_hash(item_hash) for item_hash, _ in ring_entries(one.state.ring))
        return [index for index in indices if index is not None]


def newest_per_user(stepped: Sequence[SteppedClick]) -> list[SteppedClick]:
    """Keep each user's newest click; clicks without consent belong to nobody and all stay."""
    newest = {(user_key(one.click) if one.state else id(one)): position for position, one in enumerate(stepped)}
    return [stepped[position] for position in sorted(newest.values())]
