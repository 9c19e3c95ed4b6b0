"""A click log fed to live counts as time goes on, bucket after bucket."""

from collections import defaultdict
from itertools import groupby

import numpy as np

from models.counts.buckets import bucket_of, summed
from models.counts.click_columns import ClickColumns
from models.counts.live_counts import LiveCounts
from models.counts.partition_counter import CountedClick, PartitionCounter
from models.counts.recipe import CountsRecipe

_NO_RECORD_MS = -1
# Counted together, then added: a long log is not held as open buckets.
BUCKETS_AT_ONCE = 360


class LogFeed:
    """Counts a log click by click, as one worker that owns every partition would.

    Args:
        clicks: In order of time.
        recipe: How clicks are counted.
    """

    def __init__(self, clicks: ClickColumns, recipe: CountsRecipe) -> None:
        self._clicks = clicks.known()
        self._bucket = self._clicks.timestamp_ms // recipe.bucket_ms
        self._counter = PartitionCounter(0, recipe, epoch=0)
        self._reach = recipe.session_reach
        self._before: defaultdict[int, list[int]] = defaultdict(list)  # by session, the newest last
        self._next = 0

    def advance(self, counts: LiveCounts, bucket: int) -> None:
        """Count everything up to and including a bucket."""
        end = int(self._bucket.searchsorted(bucket, side="right"))
        while self._next < end:
            last = min(bucket, int(self._bucket[self._next]) + BUCKETS_AT_ONCE - 1)
            self._add_up_to(counts, int(self._bucket.searchsorted(last, side="right")))
        counts.advance(bucket)

    def _add_up_to(self, counts: LiveCounts, end: int) -> None:
        self._count(self._next, end)
        self._next = end
        # In order of time; an item's row stands for its hash.
        for number, chunks in groupby(self._counter.take_changed(), key=lambda keyed: keyed[0].bucket):
            parts = [bucket_of(chunk, chunk.items["item_hash"].astype(np.int64)) for _, chunk in chunks]
            counts.add(number, summed(parts))

    def _count(self, start: int, end: int) -> None:
        columns = (self._clicks.user, self._clicks.session, self._clicks.item, self._clicks.timestamp_ms)
        rows = zip(*(column[start:end].tolist() for column in columns), strict=True)
        for offset, (user, session, item, timestamp_ms) in enumerate(rows, start):
            before = self._before[session]
            self._counter.count(CountedClick(offset, str(user), item, before, timestamp_ms, _NO_RECORD_MS))
            before.append(item)
            del before[: -self._reach]
