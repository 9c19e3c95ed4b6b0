"""The machine: who runs on which of its cores."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

LIBRARIES = ("onnxruntime", "numpy", "aiokafka", "faust-streaming")


@dataclass(frozen=True)
class Cores:
    """Who runs where; None: wherever the system likes.

    Attributes:
        workers: The core of each worker under test.
        others: Broker, load and reading.
    """

    workers: tuple[frozenset[int] | None, ...]
    others: frozenset[int] | None

    @property
    def worker(self) -> frozenset[int] | None:
        """The core of the one worker under test."""
        return self.workers[0]


def available_cores() -> list[int]:
    """Return the cores that we may use; none where the system does not let us choose."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def divide_cores(available: Sequence[int], *, workers: int = 1) -> Cores:
    """Give each worker one of the last cores and everything else the others.

    Where there are no others, everything else runs on all of them; where there are not even enough for the workers,
    everybody does.
    """
    if len(available) < max(2, workers):
        return Cores((None,) * workers, None)
    first = len(available) - workers
    own = tuple(frozenset([core]) for core in available[first:])
    return Cores(own, frozenset(available[:first]) or None)


@contextmanager
def on_cores(cores: frozenset[int] | None) -> Iterator[None]:
    """Run the block, and what it starts, on these cores; None: where it runs already."""
    if cores is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
