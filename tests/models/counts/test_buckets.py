"""What a bucket holds."""

from models.counts.buckets import BucketBuilder, CountsBucket, PairCounts, summed
from models.counts.recipe import CountsRecipe

RECIPE = CountsRecipe(bucket_ms=10_000, clicks_per_user=1)


def _pairs(pairs: PairCounts) -> list[tuple[int, int, int]]:
    return list(zip(pairs.first.tolist(), pairs.second.tolist(), pairs.count.tolist(), strict=True))


def _contents(builder: BucketBuilder) -> dict[int, CountsBucket]:
    return dict(builder.contents())


def test_clicks_transitions_and_pairs_are_counted_in_their_bucket() -> None:
    """Ann clicks 5, 3, 8 and Ben 3; the last of Ann's clicks falls into the next ten seconds."""
    builder = BucketBuilder(RECIPE)
    builder.count("ann", 5, [], 1_000)
    builder.count("ben", 3, [], 2_000)
    builder.count("ann", 3, [5], 9_999)
    builder.count("ann", 8, [5, 3], 10_000)
    first, second = _contents(builder).values()
    assert (first.item.tolist(), first.clicks.tolist(), first.users.tolist()) == ([3, 5], [2, 1], [2, 1])
    assert _pairs(first.transitions) == [(5, 3, 1)]
    assert _pairs(first.cooccurrences) == [(3, 5, 1)]
    assert (second.item.tolist(), _pairs(second.transitions)) == ([8], [(3, 8, 1)])
    assert _pairs(second.cooccurrences) == [(3, 8, 1), (5, 8, 1)]


def test_an_item_makes_no_pair_with_itself_and_one_with_what_was_clicked_twice() -> None:
    builder = BucketBuilder(RECIPE)
    builder.count("ann", 7, [7, 2, 2], 0)
    (bucket,) = _contents(builder).values()
    assert _pairs(bucket.transitions) == [(2, 7, 1)]
    assert _pairs(bucket.cooccurrences) == [(2, 7, 1)]


def test_pairs_reach_back_so_far_and_no_further() -> None:
    builder = BucketBuilder(CountsRecipe(session_reach=2))
    builder.count("ann", 4, [1, 2, 3], 0)
    (bucket,) = _contents(builder).values()
    assert _pairs(bucket.cooccurrences) == [(2, 4, 1), (3, 4, 1)]


def test_a_user_counts_so_often_for_an_item_and_bucket() -> None:
    """A bot clicks item 1 a hundred times in ten seconds, and a hundred times in the next."""
    builder = BucketBuilder(CountsRecipe(clicks_per_user=2))
    for click in range(200):
        builder.count("bot", 1, [9] if click else [], 100 * click)
    builder.count("ann", 1, [], 500)
    first, second = _contents(builder).values()
    assert (first.clicks.tolist(), first.users.tolist()) == ([3], [2])
    assert (second.clicks.tolist(), second.users.tolist()) == ([2], [1])
    assert _pairs(first.transitions) == [(9, 1, 1)]
    assert builder.capped_clicks == 196


def test_a_late_click_goes_into_its_bucket_while_that_is_open() -> None:
    """Two buckets are open: a click of the one before the newest counts, one of an older bucket is left out."""
    builder = BucketBuilder(RECIPE, open_buckets=2)
    builder.count("ann", 1, [], 30_000)
    builder.count("ben", 2, [], 25_000)
    builder.count("cid", 3, [], 19_999)
    assert {number: bucket.item.tolist() for number, bucket in _contents(builder).items()} == {2: [2], 3: [1]}
    assert builder.late_clicks == 1


def test_a_closed_bucket_is_given_out_once() -> None:
    builder = BucketBuilder(RECIPE, open_buckets=1)
    builder.count("ann", 1, [], 0)
    assert list(builder.closed()) == []
    builder.count("ann", 2, [1], 10_000)
    assert [(number, bucket.item.tolist()) for number, bucket in builder.closed()] == [(0, [1])]
    assert list(builder.closed()) == []


def test_partitions_add_up() -> None:
    left, right = BucketBuilder(RECIPE), BucketBuilder(RECIPE)
    left.count("ann", 3, [5], 0)
    right.count("ben", 3, [5, 4], 0)
    right.count("ben", 6, [], 0)
    (one,), (other,) = left.contents().values(), right.contents().values()
    both = summed([one, other])
    assert (both.item.tolist(), both.clicks.tolist(), both.users.tolist()) == ([3, 6], [2, 1], [2, 1])
    assert _pairs(both.transitions) == [(4, 3, 1), (5, 3, 1)]
    assert _pairs(both.cooccurrences) == [(3, 4, 1), (3, 5, 2)]
