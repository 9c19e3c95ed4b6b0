"""Made click logs, counted click by click as a worker would."""

from collections import defaultdict

import numpy as np

from models.counts.buckets import CountsBucket, summed
from models.counts.click_columns import ClickColumns
from models.counts.live_counts import LiveCounts
from models.counts.recipe import CountsRecipe
from tests.models.counts.plain_buckets import BucketBuilder


def make_log(
    *, clicks: int = 2_000, users: int = 60, items: int = 25, span_ms: int = 4 * 3_600_000, seed: int = 0
) -> ClickColumns:
    """Draw a log in order of time; each user has three sessions, one click in fifty is of an unknown item."""
    random = np.random.default_rng(seed)
    user = random.integers(users, size=clicks)
    timestamp_ms = np.sort(random.integers(span_ms, size=clicks))
    item = np.minimum(random.geometric(0.15, size=clicks) - 1, items - 1)
    item[random.random(clicks) < 0.02] = -1
    return ClickColumns(user, user * 3 + timestamp_ms * 3 // span_ms, item, timestamp_ms)


def count_click_by_click(log: ClickColumns, recipe: CountsRecipe, *, partitions: int = 1) -> list[BucketBuilder]:
    """Send each user's clicks to the builder of his partition; the buckets stay open."""
    builders = [BucketBuilder(recipe, open_buckets=10**9) for _ in range(partitions)]
    history: dict[int, list[int]] = defaultdict(list)
    rows = zip(log.user.tolist(), log.session.tolist(), log.item.tolist(), log.timestamp_ms.tolist(), strict=True)
    for user, session, item, timestamp_ms in rows:
        if item >= 0:
            builders[user % partitions].count(str(user), item, history[session], timestamp_ms)
            history[session].append(item)
    return builders


class CountedLog:
    """Buckets of all partitions, added to live counts as time goes on."""

    def __init__(self, builders: list[BucketBuilder], recipe: CountsRecipe, item_count: int) -> None:
        self.counts = LiveCounts(recipe, item_count)
        self._waiting: defaultdict[int, list[CountsBucket]] = defaultdict(list)
        for builder in builders:
            for bucket, contents in builder.contents().items():
                self._waiting[bucket].append(contents)

    def advance(self, bucket: int) -> LiveCounts:
        """Add everything up to and including a bucket."""
        for number in sorted(waiting for waiting in self._waiting if waiting <= bucket):
            self.counts.add(number, summed(self._waiting.pop(number)))
        self.counts.advance(bucket)
        return self.counts
