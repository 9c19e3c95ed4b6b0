import pytest
from structlog.testing import capture_logs

from workers.click_log_check import ClickLogCheck


def test_states_within_their_click_log_are_fine() -> None:
    """The newest click applied is the last one of the log at most; an end that is not known yet says nothing."""
    with capture_logs() as logs:
        assert ClickLogCheck("clicks").offsets_ahead({0: 99, 1: 5}, {0: 100, 1: None, 2: 0}) == {}
    assert logs == []


@pytest.mark.parametrize(("end", "ahead"), [(99, 1), (0, 100)])
def test_states_ahead_of_their_click_log_are_reported_once(end: int, ahead: int) -> None:
    """With the partition and the remedy; the gauge keeps standing."""
    check = ClickLogCheck("clicks")
    with capture_logs() as logs:
        assert check.offsets_ahead({0: 99, 1: 5}, {0: end, 1: 6}) == {0: ahead}
        assert check.offsets_ahead({0: 99, 1: 5}, {0: end, 1: 6}) == {0: ahead}
    assert [(line["log_level"], line["partition"], line["newest_applied"], line["end"]) for line in logs] == [
        ("error", 0, 99, end)
    ]
    assert "another app_id" in logs[0]["event"]


def test_a_partition_of_another_worker_is_its_business() -> None:
    """A standby restores states whose clicks it does not read."""
    assert ClickLogCheck("clicks").offsets_ahead({0: 99}, {1: 3}) == {}
