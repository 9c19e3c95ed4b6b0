"""What grew: samples in, growth out."""

import os
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.chaos.growth import Growth, Sample, growth, process_values


def samples(values: Sequence[float]) -> list[Sample]:
    """One sample a hundred clicks."""
    return [Sample(100.0 * number, {"handles": value}) for number, value in enumerate(values)]


def test_what_grows_before_the_warm_up_does_not_count() -> None:
    found = growth(samples([1, 2, 3, 4, 5] + [6] * 10), warm_up=500)
    assert found == {"handles": Growth(warm=6, end=6, most=6)}
    assert found["handles"].grown == 0


def test_what_grows_after_it_does() -> None:
    assert growth(samples(list(range(20))), warm_up=0)["handles"].grown > 10


def test_a_single_peak_is_named_but_is_no_growth() -> None:
    found = growth(samples([5] * 19 + [500] + [5] * 5), warm_up=0)["handles"]
    assert (found.grown, found.most) == (0, 500)


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="9 samples"):
        growth(samples([1] * 20), warm_up=1_100)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux alone tells it")
def test_a_process_s_handles_and_threads_are_counted(tmp_path: Path) -> None:
    before = process_values(os.getpid())
    release = threading.Event()
    thread = threading.Thread(target=release.wait)
    thread.start()
    with (tmp_path / "open").open("w"):
        after = process_values(os.getpid())
    release.set()
    thread.join()
    assert after["file handles"] == before["file handles"] + 1
    assert after["threads"] == before["threads"] + 1
    assert 1 < after["memory, MiB"] < 10_000
