"""The schedule of faults."""

from itertools import pairwise

import pytest

from tests.chaos.schedule import BROKER_FAULTS, BROKER_REST_S, DECK, Fault, Step, make_schedule

SEEDS = range(30)


def schedule(seed: int, *, duration_s: float = 600.0, brokers: int = 3, workers: int = 3) -> list[Step]:
    return make_schedule(seed, duration_s=duration_s, workers=workers, brokers=brokers, session_timeout_s=6)


def test_the_same_seed_gives_the_same_schedule() -> None:
    assert schedule(1) == schedule(1)
    assert schedule(1) != schedule(2)


def test_every_kind_of_fault_comes_up_within_ten_minutes() -> None:
    assert all({step.fault for step in schedule(seed)} == set(DECK) for seed in SEEDS)


@pytest.mark.parametrize("seed", SEEDS)
def test_two_brokers_are_always_there(seed: int) -> None:
    """With two of three away nothing can be written; and one that is back needs time to follow."""
    faults = [step for step in schedule(seed) if step.fault in BROKER_FAULTS]
    for before, after in pairwise(faults):
        assert after.at_s >= before.ends_s + BROKER_REST_S


@pytest.mark.parametrize("seed", SEEDS)
def test_a_worker_is_left_alone_and_none_is_met_twice_at_a_time(seed: int) -> None:
    steps = [step for step in schedule(seed) if step.fault not in BROKER_FAULTS]
    for step in steps:
        under_way = [one for one in steps if one.at_s <= step.at_s < one.ends_s]
        targets = [one.target for one in under_way]
        assert len(set(targets)) == len(targets)
        assert len([target for target in targets if target < 3]) < 3


def test_everything_is_undone_before_the_end() -> None:
    assert all(step.ends_s < 60 for seed in SEEDS for step in schedule(seed, duration_s=60.0))


def test_a_hang_is_longer_than_a_session_and_a_pause_is_shorter() -> None:
    steps = [step for seed in SEEDS for step in schedule(seed)]
    assert min(step.lasts_s for step in steps if step.fault is Fault.HANG_WORKER) > 6
    assert max(step.lasts_s for step in steps if step.fault is Fault.PAUSE_WORKER) < 5


def test_a_single_broker_is_left_alone() -> None:
    assert all(step.fault not in BROKER_FAULTS for step in schedule(1, brokers=1))


def test_a_single_worker_is_met_all_the_same() -> None:
    assert any(step.fault is Fault.KILL_WORKER for step in schedule(1, workers=1))
