"""Step 5: stepped clicks -> lists.

Legend: B lists of one run, R ring length, K list length, V items.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from export.artifact import Artifact
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
        self._popular_scores = _log_share(artifact.items["popularity"].to_numpy()) + item_bias
        # Stable: items of equal score keep the order of their rows, as TopK keeps it in rank.onnx.
        self._popular_order = np.argsort(-self._popular_scores, kind="stable")

    def rank(self, stepped: Sequence[SteppedClick]) -> list[Recommendation]:
        """Return the list of each click, in the order given.

        A list is shorter than K where fewer items may be listed, and the same whatever else is in the batch.
        """
        lists: dict[int, Recommendation] = {}
        personal = [position for position, one in enumerate(stepped) if one.strategy is not Strategy.POPULAR]
        for start in range(0, len(personal), ROWS_PER_RUN):
            run = personal[start : start + ROWS_PER_RUN]
            lists.update(zip(run, self._rank_run([stepped[position] for position in run]), strict=True))
        return [lists.get(position) or self._popular(one) for position, one in enumerate(stepped)]

    def _rank_run(self, run: Sequence[SteppedClick]) -> Iterable[Recommendation]:
        exclude_index = no_exclusions(len(run), self._manifest.ring_length)
        if self._exclude_seen:
            for row, one in enumerate(run):
                seen = self._seen(one)
                exclude_index[row, : len(seen)] = seen
        state = gather_state([one.tensors for one in run])
        top_item, top_score = self._runtime.rank(state, exclude_index, self._item_bias)
        for one, indices, scores in zip(run, top_item, top_score, strict=True):
            yield self._list(one, indices, scores)

    def _popular(self, one: SteppedClick) -> Recommendation:
        """Return the items most clicked in training: nothing is known of this user that the model could use."""
        seen = set(self._seen(one)) if self._exclude_seen else set()
        # At most R of the first K + R items are left out, so that K remain.
        candidates = self._popular_order[: self._manifest.list_length + len(seen)]
        indices = np.array(
            [index for index in candidates if index not in seen][: self._manifest.list_length], dtype=np.int64
        )
        return self._list(one, indices, self._popular_scores[indices])

    def _list(self, one: SteppedClick, indices: NDArray[np.int64], scores: NDArray[np.float32]) -> Recommendation:
        listed = np.isfinite(scores)
        return Recommendation(
            click=one.click,
            items=tuple(self._vocabulary.item_id_of(index) for index in indices[listed].tolist()),
            scores=scores[listed],
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


def _log_share(popularity: NDArray[np.integer]) -> NDArray[np.float32]:
    """Return each item's log share of the training clicks, Laplace-smoothed: a logit, `item_bias` adds to it."""
    smoothed: NDArray[np.float64] = popularity.astype(np.float64) + 1
    share: NDArray[np.float32] = np.log(smoothed / smoothed.sum()).astype(np.float32)
    return share
