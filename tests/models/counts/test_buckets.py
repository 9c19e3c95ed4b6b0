"""What a bucket holds."""

from collections.abc import Sequence

import numpy as np

from models.counts.buckets import CountsBucket, PairCounts, bucket_of, summed
from models.counts.partition_counter import CountOutcome, PartitionCounter
from models.counts.recipe import CountsRecipe
from tests.models.counts.made_clicks import MadeClick, columns_of

RECIPE = CountsRecipe(bucket_ms=10_000, clicks_per_user=1)


def _pairs(pairs: PairCounts) -> list[tuple[int, int, int]]:
    return list(zip(pairs.first.tolist(), pairs.second.tolist(), pairs.count.tolist(), strict=True))


class Counting:
    """A source partition being counted; an item's row stands for its hash."""

    def __init__(self, recipe: CountsRecipe) -> None:
        self._counter = PartitionCounter(0, recipe, epoch=1)
        self._reach = recipe.session_reach
        self._clicks = 0

    def count(self, user: str, item: int, before: Sequence[int], timestamp_ms: int) -> CountOutcome:
        """Count a click."""
        self._clicks += 1
        click = MadeClick(self._clicks, user, item, before, timestamp_ms, -1)
        (outcome,) = self._counter.count(columns_of([click], reach=self._reach))
        return outcome

    def buckets(self) -> dict[int, CountsBucket]:
        """Return what each bucket holds by now."""
        return {
            key.bucket: bucket_of(chunk, chunk.items["item_hash"].astype(np.int64))
            for key, chunk in self._counter.take_changed()
        }


def test_clicks_transitions_and_pairs_are_counted_in_their_bucket() -> None:
    """Ann clicks 5, 3, 8 and Ben 3; the last of Ann's clicks falls into the next ten seconds."""
    counting = Counting(RECIPE)
    counting.count("ann", 5, [], 1_000)
    counting.count("ben", 3, [], 2_000)
    counting.count("ann", 3, [5], 9_999)
    counting.count("ann", 8, [5, 3], 10_000)
    first, second = counting.buckets().values()
    assert (first.item.tolist(), first.clicks.tolist(), first.users.tolist()) == ([3, 5], [2, 1], [2, 1])
    assert _pairs(first.transitions) == [(5, 3, 1)]
    assert _pairs(first.cooccurrences) == [(3, 5, 1)]
    assert (second.item.tolist(), _pairs(second.transitions)) == ([8], [(3, 8, 1)])
    assert _pairs(second.cooccurrences) == [(3, 8, 1), (5, 8, 1)]


def test_an_item_makes_no_pair_with_itself_and_one_with_what_was_clicked_twice() -> None:
    counting = Counting(RECIPE)
    counting.count("ann", 7, [7, 2, 2], 0)
    (bucket,) = counting.buckets().values()
    assert _pairs(bucket.transitions) == [(2, 7, 1)]
    assert _pairs(bucket.cooccurrences) == [(2, 7, 1)]


def test_pairs_reach_back_so_far_and_no_further() -> None:
    counting = Counting(CountsRecipe(session_reach=2))
    counting.count("ann", 4, [1, 2, 3], 0)
    (bucket,) = counting.buckets().values()
    assert _pairs(bucket.cooccurrences) == [(2, 4, 1), (3, 4, 1)]


def test_a_user_counts_so_often_for_an_item_and_bucket() -> None:
    """A bot clicks item 1 a hundred times in ten seconds, and a hundred times in the next."""
    counting = Counting(CountsRecipe(clicks_per_user=2))
    outcomes = [counting.count("bot", 1, [9] if click else [], 100 * click) for click in range(200)]
    counting.count("ann", 1, [], 500)
    first, second = counting.buckets().values()
    assert (first.clicks.tolist(), first.users.tolist()) == ([3], [2])
    assert (second.clicks.tolist(), second.users.tolist()) == ([2], [1])
    assert _pairs(first.transitions) == [(9, 1, 1)]
    assert outcomes.count(CountOutcome.CAPPED) == 196


def test_a_late_click_goes_into_its_bucket_while_that_is_open() -> None:
    """Six buckets are open: a click of the oldest of them counts, one of the bucket before is left out."""
    counting = Counting(RECIPE)
    outcomes = [
        counting.count("ann", 1, [], 80_000),
        counting.count("ben", 2, [], 30_000),
        counting.count("cid", 3, [], 29_999),
    ]
    assert outcomes == [CountOutcome.COUNTED, CountOutcome.COUNTED, CountOutcome.LATE]
    assert {number: bucket.item.tolist() for number, bucket in counting.buckets().items()} == {3: [2], 8: [1]}


def test_partitions_add_up() -> None:
    left, right = Counting(RECIPE), Counting(RECIPE)
    left.count("ann", 3, [5], 0)
    right.count("ben", 3, [5, 4], 0)
    right.count("ben", 6, [], 0)
    (one,), (other,) = left.buckets().values(), right.buckets().values()
    both = summed([one, other])
    assert (both.item.tolist(), both.clicks.tolist(), both.users.tolist()) == ([3, 6], [2, 1], [2, 1])
    assert _pairs(both.transitions) == [(4, 3, 1), (5, 3, 1)]
    assert _pairs(both.cooccurrences) == [(3, 4, 1), (3, 5, 2)]
