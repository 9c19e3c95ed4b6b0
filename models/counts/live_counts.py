"""The three decayed counts as of a bucket, from the buckets of every source partition.

Buckets are added in order of time, those of one time summed over the partitions first, in whole numbers: the same
buckets give the same bytes, whoever sent which and in whatever order they came.

Legend: V items.
"""

import numpy as np
from numpy.typing import NDArray

from models.counts.buckets import CountsBucket, summed
from models.counts.decay import DecayClock
from models.counts.decayed_rows import DecayedRows
from models.counts.recipe import CountsRecipe


class LiveCounts:
    """Counts that follow the clicks.

    Args:
        recipe: Half lives and bounds.
        item_count: V.

    Attributes:
        bucket: The newest bucket that is in the counts; None before the first.
        late_buckets: Values that came after their bucket had been added, and were left out.
        transitions: What was clicked right after each item.
        cooccurrences: What was clicked in the same sessions as each item.
    """

    def __init__(self, recipe: CountsRecipe, item_count: int) -> None:
        self.recipe = recipe
        self.item_count = item_count
        self.bucket: int | None = None
        self.late_buckets = 0
        self.transitions = self._rows(recipe.transition_half_life)
        self.cooccurrences = self._rows(recipe.cooccurrence_half_life)
        self._clock = DecayClock(recipe.popularity_half_life)
        self._clicks = np.zeros(item_count)
        self._users = np.zeros(item_count)
        # What waits to be added, by bucket and source partition.
        self._waiting: dict[int, dict[int, CountsBucket]] = {}

    def merge(self, partition: int, bucket: int, contents: CountsBucket) -> None:
        """Take what a source partition counted in a bucket, in the place of what it said of it before.

        Args:
            partition: The source partition.
            bucket: Which bucket.
            contents: Absolute values. Where the bucket was added already they are left out.
        """
        if self.bucket is not None and bucket <= self.bucket:
            self.late_buckets += 1
            return
        self._waiting.setdefault(bucket, {})[partition] = contents

    def advance(self, bucket: int) -> None:
        """Add everything up to and including a bucket: the counts are then those of its end."""
        for number in sorted(waiting for waiting in self._waiting if waiting <= bucket):
            parts = self._waiting.pop(number)
            self._add(number, summed([parts[partition] for partition in sorted(parts)]))
        self.bucket = bucket if self.bucket is None else max(bucket, self.bucket)

    def popularity(self) -> NDArray[np.float64]:
        """Return the decayed clicks of every item, (V,); 0 for one that too few users clicked."""
        worth = 1.0 if self.bucket is None else self._clock.worth(self.bucket)
        clicks = self._clicks * worth
        if self.recipe.trending_users > 0:
            clicks[self._users * worth < self.recipe.trending_users] = 0
        return clicks

    def _add(self, bucket: int, contents: CountsBucket) -> None:
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

    def _rows(self, half_life: int) -> DecayedRows:
        return DecayedRows(
            self.item_count, half_life=half_life, row_length=self.recipe.row_length, floor=self.recipe.floor
        )
