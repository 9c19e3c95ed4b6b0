"""The three decayed counts as of a bucket.

Buckets are added as they come; one that is older than what was added before enters with its own, smaller weight. The
same sequence of buckets gives the same bytes: what source partitions counted in a bucket is summed in whole numbers
before it is added, so that it does not matter how clicks are split among them.

Legend: V items.
"""

import numpy as np
from numpy.typing import NDArray

from models.counts.buckets import CountsBucket
from models.counts.decay import DecayClock
from models.counts.decayed_rows import DecayedRows
from models.counts.recipe import CountsRecipe


class LiveCounts:
    """Counts that follow the clicks.

    Args:
        recipe: Half lives and bounds.
        item_count: V.

    Attributes:
        bucket: At the end of which bucket the counts are read; None before the first.
        transitions: What was clicked right after each item.
        cooccurrences: What was clicked in the same sessions as each item.
    """

    def __init__(self, recipe: CountsRecipe, item_count: int) -> None:
        self.recipe = recipe
        self.item_count = item_count
        self.bucket: int | None = None
        self.transitions = self._rows(recipe.transition_half_life)
        self.cooccurrences = self._rows(recipe.cooccurrence_half_life)
        self._clock = DecayClock(recipe.popularity_half_life)
        self._clicks = np.zeros(item_count)
        self._users = np.zeros(item_count)

    def add(self, bucket: int, contents: CountsBucket) -> None:
        """Add what was counted in a bucket, all partitions together; it may be older than what was added before."""
        factor = self._clock.advance(bucket)
        if factor != 1.0:
            self._clicks *= factor
            self._users *= factor
        weight = self._clock.weight(bucket)
        self._clicks[contents.item] += contents.clicks * weight
        self._users[contents.item] += contents.users * weight
        after = contents.transitions
        self.transitions.add(bucket, after.first, after.second, after.count)
        both = contents.cooccurrences
        self.cooccurrences.add(
            bucket,
            np.concatenate([both.first, both.second]),
            np.concatenate([both.second, both.first]),
            np.concatenate([both.count, both.count]),
        )

    def advance(self, bucket: int) -> None:
        """Let time go on: the counts are read as they are at the end of this bucket, or of a later one if it was."""
        self.bucket = bucket if self.bucket is None else max(bucket, self.bucket)

    def popularity(self) -> NDArray[np.float64]:
        """Return the decayed clicks of every item, (V,); 0 for one that too few users clicked."""
        clicks = self._clicks * self._worth
        if self.recipe.trending_users > 0:
            clicks[self.users() < self.recipe.trending_users] = 0
        return clicks

    def users(self) -> NDArray[np.float64]:
        """Return the decayed users of every item, each once a bucket, (V,)."""
        return self._users * self._worth

    @property
    def _worth(self) -> float:
        return 1.0 if self.bucket is None else self._clock.worth(self.bucket)

    def _rows(self, half_life: int) -> DecayedRows:
        return DecayedRows(
            self.item_count, half_life=half_life, row_length=self.recipe.row_length, floor=self.recipe.floor
        )
