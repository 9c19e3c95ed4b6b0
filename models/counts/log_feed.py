"""A click log fed to live counts as time goes on, bucket after bucket."""

from collections import defaultdict
from itertools import groupby

import numpy as np

from models.counts.buckets import bucket_of, summed
from models.counts.click_columns import ClickColumns
from models.counts.counted_clicks import CountedClicks
from models.counts.live_counts import LiveCounts
from models.counts.partition_counter import PartitionCounter
from models.counts.recipe import CountsRecipe

_NO_RECORD_MS = -1
# Counted together, then added: a long log is not held as open buckets.
BUCKETS_AT_ONCE = 360


class LogFeed:
    """Counts a log as one worker that owns every partition would.

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
        session, item = self._clicks.session[start:end], self._clicks.item[start:end]
        before: list[int] = []
        before_count: list[int] = []
        for one_session, one_item in zip(session.tolist(), item.tolist(), strict=True):
            clicked = self._before[one_session]
            before += clicked
            before_count.append(len(clicked))
            clicked.append(one_item)
            del clicked[: -self._reach]
        self._counter.count(
            CountedClicks(
                np.arange(start, end),
                [b"%d" % user for user in self._clicks.user[start:end].tolist()],
                item.astype(np.uint64),
                np.array(before, np.uint64),
                np.array(before_count, np.int64),
                self._clicks.timestamp_ms[start:end],
                np.full(end - start, _NO_RECORD_MS),
            )
        )
