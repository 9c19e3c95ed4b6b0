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
from models.counts.decayed_rows import CountsRow
from models.counts.live_counts import LiveCounts


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
        self._followers: dict[int, CountsRow] = {}
        self.item_bias: NDArray[np.float32] = np.zeros(counts.item_count, np.float32)
        self.refresh()

    def refresh(self) -> None:
        """Read the counts as they are now."""
        recipe = self._recipe
        popularity = self._counts.popularity()
        share = popularity / max(float(popularity.sum()), np.finfo(np.float64).tiny)
        self._common = recipe.unseen + recipe.popularity_weight * share  # (V,)
        self.item_bias = (recipe.strength * np.log(self._common / recipe.unseen)).astype(np.float32)
        self._followers = {}

    def boosts(self, last_items: NDArray[np.int64]) -> Boosts:
        """Return what users' last items add, and take from themselves.

        Args:
            last_items: Newest first, (B, n), padded with -1.
        """
        recipe = self._recipe
        boosts = no_boosts(len(last_items), recipe.boost_length)
        room = recipe.boost_length - recipe.demoted_clicks
        user, item, raised = self._raised(last_items[:, : recipe.history_items])
        order = np.lexsort((item, -raised, user))
        user, item, raised = user[order], item[order], raised[order]
        place = np.arange(len(user)) - np.searchsorted(user, user)
        kept = place < room
        boosts.item_index[user[kept], place[kept]] = item[kept]
        boosts.value[user[kept], place[kept]] = raised[kept]

        lately = last_items[:, : recipe.demoted_clicks]
        end = room + lately.shape[1]
        boosts.item_index[:, room:end] = _without_repeats(lately)
        boosts.value[:, room:end] = recipe.strength * np.log(recipe.demotion)
        return boosts

    def _raised(
        self, last_items: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Return users, items, and by how much their scores rise, one entry a pair of them."""
        item_count = self._counts.item_count
        keys, shares = [np.empty(0, np.int64)], [np.empty(0)]
        for user, row in enumerate(last_items.tolist()):
            for back, last in enumerate(row):
                if last >= 0:
                    follower = self._follower_shares(last)
                    keys.append(user * item_count + follower.item)
                    shares.append(follower.value * self._recipe.history_decay**back)
        key, place = np.unique(np.concatenate(keys), return_inverse=True)
        share = np.zeros(len(key))
        np.add.at(share, place, np.concatenate(shares))
        item = key % item_count
        common = self._common[item]
        return key // item_count, item, self._recipe.strength * (np.log(common + share) - np.log(common))

    def _follower_shares(self, last: int) -> CountsRow:
        """Return the sparse part of an item's shares, (T + w_c C), kept until the counts change."""
        found = self._followers.get(last)
        if found is None:
            bucket = self._counts.bucket or 0
            after = self._counts.transitions.row(last, bucket)
            both = self._counts.cooccurrences.row(last, bucket)
            item, place = np.unique(np.concatenate([after.item, both.item]), return_inverse=True)
            shares = [self._shares(after), self._recipe.cooccurrence_weight * self._shares(both)]
            value = np.zeros(len(item))
            np.add.at(value, place, np.concatenate(shares))
            found = self._followers[last] = CountsRow(item, value)
        return found

    def _shares(self, row: CountsRow) -> NDArray[np.float64]:
        return row.value / (float(row.value.sum()) + self._recipe.smoothing)


def _without_repeats(items: NDArray[np.int64]) -> NDArray[np.int64]:
    """Replace what stands further left in its row by -1, (B, n)."""
    unique = items.copy()
    for column in range(1, items.shape[1]):
        unique[(items[:, :column] == items[:, column, None]).any(axis=1), column] = -1
    return unique
