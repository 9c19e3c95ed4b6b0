"""Counts that follow the clicks: by hand, the same whatever the order, and equal to those of the whole log at once."""

from collections.abc import Sequence

import numpy as np
import pytest
from msgspec.structs import replace

from models.counts.buckets import CountsBucket
from models.counts.decayed_rows import DecayedRows
from models.counts.live_counts import LiveCounts
from models.counts.log_counts import count_log, popularity_at, rows_at
from models.counts.recipe import CountsRecipe
from tests.models.counts.logs import CountedLog, count_click_by_click, make_log
from tests.models.counts.plain_buckets import BucketBuilder

ITEMS = 25
# Nothing is pruned.
WHOLE = CountsRecipe(
    bucket_ms=10_000,
    popularity_half_life=12,
    transition_half_life=60,
    cooccurrence_half_life=300,
    session_reach=4,
    row_length=ITEMS,
    floor=1e-300,
)


def _bucket(*clicks: tuple[str, int, Sequence[int]]) -> CountsBucket:
    builder = BucketBuilder(WHOLE)
    for user, item, before in clicks:
        builder.count(user, item, before, 0)
    (contents,) = builder.contents().values()
    return contents


def _bytes(counts: LiveCounts) -> bytes:
    rows = [part for item in range(ITEMS) for part in counts.transitions.row(item, counts.bucket or 0)]
    rows += [part for item in range(ITEMS) for part in counts.cooccurrences.row(item, counts.bucket or 0)]
    return b"".join(array.tobytes() for array in (counts.popularity(), *rows))


def test_a_click_counts_half_after_its_half_life() -> None:
    """Item 3 twice in bucket 0, once in bucket 12; transitions live five times as long."""
    counts = LiveCounts(WHOLE, ITEMS)
    counts.add(0, _bucket(("ann", 3, [5]), ("ben", 3, [])))
    counts.add(12, _bucket(("cid", 3, [5])))
    counts.advance(12)
    assert counts.popularity()[3] == 2.0
    counts.advance(60)
    row = counts.transitions.row(5, 60)
    assert row.item.tolist() == [3]
    assert row.value[0] == pytest.approx(0.5 + 2 ** (-48 / 60))


@pytest.mark.parametrize(("cap", "trending_users"), [(1, 0.0), (3, 0.0), (3, 2.5)])
def test_click_by_click_equals_the_whole_log_at_once(cap: int, trending_users: float) -> None:
    """At twenty moments: popularity, and every row of both kinds."""
    log, recipe = make_log(), replace(WHOLE, clicks_per_user=cap, trending_users=trending_users)
    counted = CountedLog(count_click_by_click(log, recipe), recipe, ITEMS)
    moments = np.linspace(0, 4 * 360, 20, dtype=np.int64)
    whole = count_log(log, recipe)
    popularity = popularity_at(whole, moments, ITEMS, recipe.popularity_half_life, trending_users)
    kinds = {
        "transitions": (whole.transitions, recipe.transition_half_life),
        "cooccurrences": (whole.cooccurrences, recipe.cooccurrence_half_life),
    }
    rows = np.repeat(np.arange(ITEMS), len(moments))
    expected = {kind: np.zeros((len(moments), ITEMS, ITEMS)) for kind in kinds}
    for kind, (events, half_life) in kinds.items():
        for answer in rows_at(events, rows, np.tile(moments, ITEMS), half_life):
            place = (answer.question % len(moments))[:, None]
            expected[kind][place, rows[answer.question[0]], answer.column] = answer.value
    for number, moment in enumerate(moments.tolist()):
        counts = counted.advance(moment)
        np.testing.assert_allclose(counts.popularity(), popularity[number], rtol=1e-12)
        for kind in kinds:
            found = np.zeros((ITEMS, ITEMS))
            for item in range(ITEMS):
                row = getattr(counts, kind).row(item, moment)
                found[item, row.item] = row.value
            np.testing.assert_allclose(found, expected[kind][number], rtol=1e-12)
    assert sum(len(part) for part in (whole.item, whole.transitions.row, whole.cooccurrences.row)) > 4_000


def test_the_same_buckets_give_the_same_bytes() -> None:
    """From one partition or from five, read step by step or at the end alone."""
    recipe = CountsRecipe(bucket_ms=10_000, row_length=5, floor=0.05, transition_half_life=60)
    log = make_log(span_ms=12 * 3_600_000)
    last = 12 * 360
    at_once = CountedLog(count_click_by_click(log, recipe), recipe, ITEMS).advance(last)
    parts = CountedLog(count_click_by_click(log, recipe, partitions=5)[::-1], recipe, ITEMS)
    for moment in range(0, last + 1, 7):
        parts.advance(moment)
    assert _bytes(parts.advance(last)) == _bytes(at_once)


def test_a_straggler_enters_with_its_own_weight() -> None:
    """Bucket 0 after bucket 12, one half life of popularity and a fifth of one of transitions later."""
    counts = LiveCounts(WHOLE, ITEMS)
    counts.add(12, _bucket(("ann", 3, [5])))
    counts.add(0, _bucket(("ben", 3, [5]), ("cid", 4, [])))
    counts.advance(12)
    assert counts.popularity()[[3, 4]].tolist() == [1.5, 0.5]
    assert counts.transitions.row(5, 12).value[0] == pytest.approx(1 + 2 ** (-12 / 60))


def test_a_straggler_from_before_a_pruning_is_added() -> None:
    """Bucket 359 after bucket 360, at which rows were pruned."""
    rows = DecayedRows(5_000, half_life=36, row_length=10, floor=0.01)
    one = np.array([1])
    rows.add(350, one, one, one)
    rows.add(360, one, one + 1, one)
    rows.add(359, one, one + 2, one)
    assert rows.row(1, 360).item.tolist() == [2, 3, 1]


def test_an_item_trends_when_enough_users_click_it() -> None:
    """Item 1 is clicked by one user in each of ten buckets, item 2 by three users in the last."""
    recipe = replace(WHOLE, trending_users=2.5, popularity_half_life=1)
    counts = LiveCounts(recipe, ITEMS)
    for bucket in range(10):
        counts.add(bucket, _bucket(("bot", 1, [])))
    counts.add(9, _bucket(("ann", 2, []), ("ben", 2, []), ("cid", 2, [])))
    counts.advance(9)
    assert np.flatnonzero(counts.popularity()).tolist() == [2]


def test_rows_stay_short_and_what_is_forgotten_is_dropped() -> None:
    """A thousand columns an hour, half gone below the floor an hour later: four times the row's length are kept."""
    rows = DecayedRows(5_000, half_life=36, row_length=10, floor=0.01)
    for hour in range(5):
        column = np.arange(1_000) + hour * 1_000
        rows.add(360 * hour, np.zeros(1_000, np.int64), column, 1 + column % 7)
        assert rows.entries <= 1_040
    row = rows.row(0, 360 * 4)
    assert row.item.tolist() == [item for item in range(4_000, 5_000) if item % 7 == 6][:10]
    assert row.value.tolist() == [7.0] * 10


def test_joining_changes_no_byte() -> None:
    """So many entries that they are joined to the arrays in between, against the same in one small bucket each."""
    random = np.random.default_rng(0)
    pairs = np.unique(random.integers(3_000, size=(200_000, 2)), axis=0)
    count = np.ones(len(pairs), np.int64)
    often = DecayedRows(3_000, half_life=50, row_length=20, floor=1e-9)
    for bucket in (1, 2, 3):
        often.add(bucket, pairs[:, 0], pairs[:, 1], count)
    few = pairs[:, 0] == 17
    seldom = DecayedRows(3_000, half_life=50, row_length=20, floor=1e-9)
    for bucket in (1, 2, 3):
        seldom.add(bucket, pairs[few, 0], pairs[few, 1], count[few])
    assert few.sum() > 20
    assert [part.tobytes() for part in often.row(17, 9)] == [part.tobytes() for part in seldom.row(17, 9)]
