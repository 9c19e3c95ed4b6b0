from itertools import pairwise

import pytest

from nextclick.demo.pace import due_times


def test_a_constant_rate_without_a_slow_start() -> None:
    """Four clicks a second."""
    assert due_times(5, 4.0, slow_start=False) == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_a_slow_start_begins_with_two_clicks_a_second_and_ends_at_the_rate() -> None:
    """Eight seconds to read, a third faster every second from there, then 300 a second and never more."""
    due_s = due_times(9_730, 300.0, slow_start=True)
    gaps_s = [later - earlier for earlier, later in pairwise(due_s)]
    assert due_s[:4] == [0.0, 0.5, 1.0, 1.5]
    assert due_s[16] == 8.0
    assert all(later <= earlier + 1e-9 for earlier, later in pairwise(gaps_s))
    assert gaps_s[-1] == pytest.approx(1 / 300)
    assert 50 < due_s[-1] < 60


def test_a_rate_below_the_slow_start_is_kept() -> None:
    """Nobody asked for more than one click a second."""
    assert due_times(3, 1.0, slow_start=True) == [0.0, 1.0, 2.0]
