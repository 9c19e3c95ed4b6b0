"""What live counts hold in memory, as numpy asked for it: so much an item, so much an entry, and no more."""

import tracemalloc

import numpy as np
import pytest

from models.counts.click_columns import ClickColumns
from models.counts.follower_rows import MOST_ROWS
from models.counts.live_counts import LiveCounts
from models.counts.log_feed import LogFeed
from models.counts.ranking_rule import CountsRanking
from models.counts.recipe import CountsRecipe

BUCKETS = 400
CLICKS = 8_000
BYTES_OF_AN_ITEM = 48
BYTES_OF_AN_ENTRY = 16
# Rows that lists were made of: two row lengths of places, a place's item and both of its counts; and what says where.
BYTES_OF_KEPT_ROWS = MOST_ROWS * (2 * 32 * 20 + 33)


def count(item_count: int) -> tuple[int, int]:
    """Count clicks on 2,000 items of a catalogue, list; return the bytes that are held, and how many entries."""
    random = np.random.default_rng(0)
    user, item = random.integers(CLICKS // 4, size=CLICKS), random.integers(2_000, size=CLICKS)
    log = ClickColumns(user, user, item, np.sort(random.integers(BUCKETS * 10_000, size=CLICKS)))
    recipe = CountsRecipe()
    tracemalloc.start()
    try:
        counts = LiveCounts(recipe, item_count)
        ranking = CountsRanking(counts)
        LogFeed(log, recipe).advance(counts, BUCKETS)
        ranking.refresh()
        ranking.boosts(item[:800].reshape(100, 8))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return held, counts.transitions.entries + counts.cooccurrences.entries


@pytest.fixture(scope="module")
def of_17_000() -> tuple[int, int]:
    """The smaller catalogue; what is made once for all counts is there after this."""
    count(2_000)
    return count(17_000)


def test_an_item_that_nobody_clicks_takes_so_much(of_17_000: tuple[int, int]) -> None:
    """The same clicks in a catalogue of a million: 983,000 items more, and no entry."""
    held, entries = count(1_000_000)
    assert entries == of_17_000[1]
    assert (held - of_17_000[0]) / 983_000 == pytest.approx(BYTES_OF_AN_ITEM, rel=0.01)


def test_what_is_counted_takes_so_much(of_17_000: tuple[int, int]) -> None:
    """Items, entries and the rows that are kept for lists; a hundredth is left for what is none of them."""
    held, entries = of_17_000
    assert entries > 30_000
    expected = 17_000 * BYTES_OF_AN_ITEM + entries * BYTES_OF_AN_ENTRY + BYTES_OF_KEPT_ROWS
    assert held == pytest.approx(expected, rel=0.01)
