"""The rule by which counts enter a ranking.

    score(i)  = network(i) + s * log(share(i) / e)
    share(i)  = e + w_p P(i) + sum over r of g^r (T(x_r, i) + w_c C(x_r, i)),   times d where i was clicked lately

P is an item's share of all clicks, T(x, i) that of what was clicked right after x, C(x, i) that of what was clicked in
the same sessions as x; x_0, x_1, ... are the user's last items, newest first. A row's shares are of its clicks and
`smoothing` more. e is `unseen`, w the weights, g `history_decay`, s `strength`, d `demotion`.

The part without x is the same for everyone, `item_bias`; what x adds to the logarithm is sparse, the boosts. Nothing
counted is no change of any score.

Legend: B users, V items, n last items of a user, A boosts of a user.
"""

import numpy as np
from numpy.typing import NDArray

from models.boosts import Boosts, no_boosts
from models.counts.follower_rows import FollowerRows
from models.counts.live_counts import LiveCounts
from models.counts.ragged_rows import largest, places


class CountsRanking:
    """Turns counts into what rank.onnx takes.

    Args:
        counts: The counts; after each `advance` of them `refresh` is called.

    Attributes:
        item_bias: float32 (V,).
    """

    def __init__(self, counts: LiveCounts) -> None:
        self._counts = counts
        self._recipe = counts.recipe
        self._followers = FollowerRows(counts)
        self.item_bias: NDArray[np.float32] = np.zeros(counts.item_count, np.float32)
        self.refresh()

    def refresh(self) -> None:
        """Read the counts as they are now."""
        recipe = self._recipe
        popularity = self._counts.popularity()
        share = popularity / max(float(popularity.sum()), np.finfo(np.float64).tiny)
        # In units of `unseen`, so that the logarithm of nothing counted is exactly 0.
        self._common = 1 + (recipe.popularity_weight / recipe.unseen) * share  # (V,)
        self._common_log = np.log(self._common)  # (V,)
        self.item_bias = (recipe.strength * self._common_log).astype(np.float32)
        self._followers.refresh()

    def boosts(self, last_items: NDArray[np.int64]) -> Boosts:
        """Return what users' last items add, and take from themselves.

        Args:
            last_items: Newest first, (B, n), padded with -1.
        """
        recipe = self._recipe
        boosts = no_boosts(len(last_items), recipe.boost_length)
        room = recipe.boost_length - recipe.demoted_clicks
        user, item, raised = self._raised(last_items[:, : recipe.history_items])
        length = np.bincount(user, minlength=len(last_items))
        if (length > room).any():
            kept = largest(raised, length, room)
            user, item, raised = user[kept], item[kept], raised[kept]
            length = np.minimum(length, room)
        at = user * recipe.boost_length + places(length)
        boosts.item_index.ravel()[at] = item
        boosts.value.ravel()[at] = raised

        lately = last_items[:, : recipe.demoted_clicks]
        end = room + lately.shape[1]
        boosts.item_index[:, room:end] = _without_repeats(lately)
        boosts.value[:, room:end] = recipe.strength * np.log(recipe.demotion)
        return boosts

    def _raised(
        self, last_items: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Return users, items, and by how much their scores rise: one entry a pair of them, in their order."""
        item_count = self._counts.item_count
        back, user = np.nonzero(last_items.T >= 0)
        rows = self._followers.shares(last_items[user, back])
        key = np.repeat(user * item_count, rows.length) + rows.item
        share = rows.share * np.repeat(self._recipe.history_decay**back / self._recipe.unseen, rows.length)
        # The rows of all users' last items are in order of the key already, so are those of the items before: a stable
        # sort of integers (timsort) merges such runs, and leaves equal keys in the order of the history.
        order = np.argsort(key, kind="stable")
        key = key[order]
        begins = np.flatnonzero(np.diff(key, prepend=-1))
        key, share = key[begins], np.add.reduceat(share[order], begins) if len(key) else share
        user = key // item_count
        item = key - user * item_count
        raised = self._recipe.strength * (np.log(self._common[item] + share) - self._common_log[item])
        return user, item, raised


def _without_repeats(items: NDArray[np.int64]) -> NDArray[np.int64]:
    """Replace what stands further left in its row by -1, (B, n)."""
    unique = items.copy()
    for column in range(1, items.shape[1]):
        unique[(items[:, :column] == items[:, column, None]).any(axis=1), column] = -1
    return unique
