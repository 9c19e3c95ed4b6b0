"""A click log fed to live counts as time goes on, bucket after bucket."""

from collections import defaultdict

from models.counts.buckets import BucketBuilder
from models.counts.click_columns import ClickColumns
from models.counts.live_counts import LiveCounts
from models.counts.recipe import CountsRecipe


class LogFeed:
    """Counts a log click by click, as one worker that owns every partition would.

    Args:
        clicks: In order of time.
        recipe: How clicks are counted.
    """

    def __init__(self, clicks: ClickColumns, recipe: CountsRecipe) -> None:
        self._clicks = clicks.known()
        self._bucket = self._clicks.timestamp_ms // recipe.bucket_ms
        self._builder = BucketBuilder(recipe, open_buckets=1)
        self._reach = recipe.session_reach
        self._before: defaultdict[int, list[int]] = defaultdict(list)  # by session, the newest last
        self._next = 0

    def advance(self, counts: LiveCounts, bucket: int) -> None:
        """Count everything up to and including a bucket."""
        end = int(self._bucket.searchsorted(bucket, side="right"))
        part = slice(self._next, end)
        columns = (self._clicks.user, self._clicks.session, self._clicks.item, self._clicks.timestamp_ms)
        for user, session, item, timestamp_ms in zip(*(column[part].tolist() for column in columns), strict=True):
            before = self._before[session]
            self._builder.count(str(user), item, before, timestamp_ms)
            before.append(item)
            del before[: -self._reach]
        for number, contents in self._builder.drain():
            counts.add(number, contents)
        self._next = max(self._next, end)
        counts.advance(bucket)
