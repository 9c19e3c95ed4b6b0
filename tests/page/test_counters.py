"""Counters of workers that begin again go on."""

from nextclick.page.counters import CounterSums
from nextclick.page.worker_pages import Samples


def samples(hits: float, strategy: str = "personal") -> Samples:
    return {("nextclick_prequential_hits_total", (("strategy", strategy),)): hits, ("other_total", ()): 99.0}


def test_a_counter_that_begins_again_goes_on() -> None:
    """A worker counts 5 and is killed; the next one in its place counts 3: that makes 8."""
    sums = CounterSums()
    for hits in (2.0, 5.0, 1.0, 3.0):
        sums.take("worker-1", samples(hits))
    assert sums.sum_of("hits") == 8.0


def test_labels_and_workers_add_up() -> None:
    """Two workers and two strategies; other series do not count, and what was never seen is 0."""
    sums = CounterSums()
    sums.take("worker-1", samples(2.0))
    sums.take("worker-2", samples(4.0))
    sums.take("worker-1", samples(1.0, "popular"))
    assert (sums.sum_of("hits"), sums.sum_of("opportunities")) == (7.0, 0.0)
