import json

import numpy as np
import pytest

from benchmarks.click_sets import ClickSet
from benchmarks.preloaded_runs import Throughput, after, after_last_clicks, clicks_behind, throughput
from benchmarks.reading import Arrival
from models.errors import NextclickError


def make_click_set(users: list[int]) -> ClickSet:
    """User n clicks in partition n modulo 4."""
    return ClickSet(np.array(users), np.zeros(len(users), dtype=np.int64))


def lists_of(*numbers: int) -> list[bytes]:
    return [json.dumps({"event_id": f"click-{number}"}).encode() for number in numbers]


def test_the_first_arrival_starts_the_clock_and_its_clicks_do_not_count() -> None:
    clicks = make_click_set([0] * 10)
    arrivals = [Arrival(50.0, lists_of(0, 1, 2, 3)), Arrival(50.5, lists_of(4, 5)), Arrival(52.0, lists_of(6, 7, 8, 9))]
    assert throughput(arrivals, clicks) == Throughput(clicks_per_s=3.0, lists_per_s=3.0)


def test_clicks_without_a_list_of_their_own_count_as_applied() -> None:
    """Per batch: the list of click 4 stands for clicks 0 to 4, that of 9 for the rest."""
    clicks = make_click_set([0] * 10)
    arrivals = [Arrival(50.0, lists_of(4)), Arrival(51.0, lists_of(9))]
    assert throughput(arrivals, clicks) == Throughput(clicks_per_s=5.0, lists_per_s=1.0)


def test_partitions_are_behind_by_themselves() -> None:
    clicks = make_click_set([0, 1, 0, 1, 2, 0])
    assert clicks_behind(lists_of(2), clicks) == 2
    assert clicks_behind(lists_of(0, 3), clicks) == 3
    assert clicks_behind(lists_of(5, 3, 4), clicks) == 6


def test_too_little_work_is_no_measurement() -> None:
    with pytest.raises(NextclickError, match="came at once: measure with more clicks"):
        throughput([Arrival(50.0, lists_of(0, 1))], make_click_set([0, 0]))


def test_a_run_is_over_after_so_many_lists() -> None:
    is_complete = after(5)
    assert [is_complete(lists_of(0, 1)), is_complete(lists_of(2, 3)), is_complete(lists_of(4))] == [False, False, True]


def test_a_run_per_batch_is_over_with_the_last_list_of_each_partition() -> None:
    is_complete = after_last_clicks(make_click_set([0, 1, 0, 1, 5]))
    assert not is_complete(lists_of(0, 1, 3))
    assert not is_complete(lists_of(2))
    assert is_complete(lists_of(4))
