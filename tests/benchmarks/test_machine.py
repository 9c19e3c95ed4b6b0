import os

import pytest

from benchmarks.machine import Cores, available_cores, divide_cores, on_cores


@pytest.mark.parametrize(
    ("available", "workers", "cores"),
    [
        ([0, 1], 1, Cores((frozenset({1}),), frozenset({0}))),
        ([0, 1, 2, 3], 1, Cores((frozenset({3}),), frozenset({0, 1, 2}))),
        ([0, 1, 2, 3], 2, Cores((frozenset({2}), frozenset({3})), frozenset({0, 1}))),
        ([0, 1], 2, Cores((frozenset({0}), frozenset({1})), None)),
        ([4], 1, Cores((None,), None)),
        ([], 1, Cores((None,), None)),
        ([0], 2, Cores((None, None), None)),
    ],
)
def test_workers_get_a_core_each_and_everything_else_the_others(
    available: list[int], workers: int, cores: Cores
) -> None:
    assert divide_cores(available, workers=workers) == cores


@pytest.mark.skipif(not available_cores(), reason="the system does not let us choose cores")
def test_a_block_runs_on_its_cores_and_what_follows_where_it_did_before() -> None:
    before = os.sched_getaffinity(0)
    core = frozenset({min(before)})
    with on_cores(core):
        assert os.sched_getaffinity(0) == core
    assert os.sched_getaffinity(0) == before
