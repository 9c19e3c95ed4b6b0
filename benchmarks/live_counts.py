"""`python -m benchmarks.live_counts ITEMS`: what live counts cost on this machine, for a catalogue of that size.

300,000 clicks of 100,000 users in six hours of event time, a few items clicked most (Pareto), are counted as a worker
that owns every partition would count them, a minute of buckets at once. Times are the processor's; memory is what is
resident at the end and was not before the counts were made, the reader's own history of sessions included.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from models.counts.click_columns import ClickColumns
from models.counts.live_counts import LiveCounts
from models.counts.log_feed import LogFeed
from models.counts.ranking_rule import CountsRanking
from models.counts.recipe import CountsRecipe

CLICKS = 300_000
SPAN_MS = 6 * 3_600_000
BUCKETS_AT_ONCE = 6
LISTED_USERS = 32
LAST_ITEMS = 8
# A prime: neighbours in popularity lie far from each other in the catalogue.
SCATTER = 7_919


def main(
    items: Annotated[int, typer.Argument(min=1, help="Items of the catalogue.")],
    clicks: Annotated[int, typer.Option(min=100, help="How many are counted.")] = CLICKS,
) -> None:
    """Count a made log, and print what that takes."""
    typer.echo(measure(items, clicks))


def make_clicks(items: int, clicks: int) -> ClickColumns:
    """Draw a log in order of time: a session a user, three clicks each on average."""
    random = np.random.default_rng(0)
    rank = np.minimum((random.pareto(0.8, clicks) * 20).astype(np.int64), items - 1)
    timestamp_ms = np.sort(random.integers(SPAN_MS, size=clicks))
    user = random.integers(clicks // 3, size=clicks)
    return ClickColumns(user, user, rank * SCATTER % items, timestamp_ms)


def measure(items: int, clicks: int) -> str:
    """Count a made log, and say what that took."""
    log, recipe = make_clicks(items, clicks), CountsRecipe()
    last_items = np.random.default_rng(1).choice(log.item, size=(LISTED_USERS, LAST_ITEMS))
    feed, before = LogFeed(log, recipe), _resident_bytes()
    counts = LiveCounts(recipe, items)
    ranking = CountsRanking(counts)

    def count() -> None:
        for bucket in range(0, SPAN_MS // recipe.bucket_ms + BUCKETS_AT_ONCE, BUCKETS_AT_ONCE):
            feed.advance(counts, bucket)

    counting, refreshing = _seconds(count), _seconds(ranking.refresh)
    first, again = (_seconds(lambda: ranking.boosts(last_items)) for _ in range(2))
    resident = _resident_bytes() - before
    return (
        f"{items:,} items, {len(np.unique(log.item)):,} of them clicked; "
        f"{counts.transitions.entries:,} transitions and {counts.cooccurrences.entries:,} co-occurrences kept; "
        f"{resident / 1e6:.0f} MB; {1e6 * counting / clicks:.0f} us a click; {1e3 * refreshing:.1f} ms a new bucket; "
        f"{1e3 * first:.1f} ms the boosts of {LISTED_USERS} users at first, {1e3 * again:.1f} again"
    )


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _resident_bytes() -> int:
    # Linux alone; the other measurements of memory are, too.
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines())
    return int(fields["VmRSS"].split()[0]) * 1_024


if __name__ == "__main__":
    typer.run(main)
