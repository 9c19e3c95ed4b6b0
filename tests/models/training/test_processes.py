import numpy as np
import pytest

from models.errors import SettingsError
from models.training.batches import iterate_lane_batches
from models.training.processes import Processes
from tests.encoded import make_sessions


def test_the_lanes_of_a_batch_are_dealt_to_the_processes() -> None:
    """Lanes 0 and 2 to the first of two, lane 1 to the second: each click is learned by exactly one."""
    sessions = make_sessions([0, 1, 2], [3, 4], [5, 6, 7, 8])
    (batch,) = iterate_lane_batches(sessions, np.arange(3), lanes=3, window=9)
    first, second = (Processes(rank, 2).own_lanes(batch) for rank in (0, 1))
    assert (first.lane.tolist(), second.lane.tolist()) == ([0, 2], [1])
    assert first.target_index[first.is_click].tolist() == [1, 2, 6, 7, 8]
    assert second.target_index[second.is_click].tolist() == [4]


def test_a_process_without_lanes_left_goes_along() -> None:
    """At the end of an epoch the last session is one process's: the other has a row in which nothing was clicked."""
    sessions = make_sessions([0, 1], [2, 3, 4, 5])
    *_, last = iterate_lane_batches(sessions, np.arange(2), lanes=2, window=2)
    first, second = (Processes(rank, 2).own_lanes(last) for rank in (0, 1))
    assert second.target_index[second.is_click].tolist() == [5]
    assert (first.lane.tolist(), first.begins_session.tolist()) == ([0], [True])
    assert not first.is_click.any()


def test_one_process_alone_learns_the_batch_as_it_is() -> None:
    """Nothing is dealt and nobody is asked."""
    (batch,) = iterate_lane_batches(make_sessions([0, 1]), np.arange(1), lanes=1, window=9)
    alone = Processes()
    assert alone.own_lanes(batch) is batch
    assert alone.sum_of(2.5) == 2.5
    assert alone.any_says(True) and not alone.any_says(False)  # noqa: PT018 - an answer
    assert alone.told_by_first("what") == "what"


def test_more_processes_than_lanes_are_refused() -> None:
    """Somebody would have nothing to do."""
    Processes(0, 2).require_lanes(2)
    with pytest.raises(SettingsError, match="3 processes cannot share 2 lanes"):
        Processes(0, 3).require_lanes(2)
