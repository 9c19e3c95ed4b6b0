import pytest
from structlog.testing import capture_logs

from workers.events import RejectionReason
from workers.rejection_alarm import WINDOW_RECORDS, RejectionAlarm

NOT_JSON, EMPTY_ID = RejectionReason.NOT_JSON, RejectionReason.EMPTY_ID


def observe(alarm: RejectionAlarm, *, good: int, **rejected: int) -> RejectionReason | None:
    """One micro-batch of good clicks and of rejected ones, by reason."""
    reasons = {RejectionReason(reason): count for reason, count in rejected.items()}
    return alarm.observe(good + sum(reasons.values()), reasons)


def test_it_rings_once_with_the_likely_cause() -> None:
    """One line for the whole flood, however long it lasts."""
    alarm = RejectionAlarm()
    with capture_logs() as lines:
        assert observe(alarm, good=49, not_json=51) is NOT_JSON
        assert observe(alarm, good=0, not_json=500) is None
        assert observe(alarm, good=0, not_json=500) is None
    assert lines == [
        {
            "event": "Most clicks are rejected",
            "log_level": "error",
            "reason": NOT_JSON,
            "rejected": 51,
            "of": 100,
            "likely_cause": "the values are not JSON: does the producer write Avro, or a schema id in front?",
        }
    ]


def test_half_is_not_most() -> None:
    """It rings above one half, and for one reason: many small ones are no pattern."""
    alarm = RejectionAlarm()
    assert observe(alarm, good=50, not_json=50) is None
    assert observe(alarm, good=10, not_json=45, empty_id=45) is None


def test_it_waits_for_a_window() -> None:
    """A few test messages do not ring; small batches add up."""
    alarm = RejectionAlarm()
    for _ in range(WINDOW_RECORDS - 1):
        assert observe(alarm, good=0, not_json=1) is None
    assert observe(alarm, good=0, not_json=1) is NOT_JSON


def test_windows_do_not_add_up() -> None:
    """Old rejections are forgotten with their window."""
    alarm = RejectionAlarm()
    assert observe(alarm, good=60, not_json=40) is None
    assert observe(alarm, good=60, not_json=40) is None
    assert observe(alarm, good=0, not_json=40) is None


def test_it_rings_again_after_an_end_and_for_another_reason() -> None:
    """Each beginning is news."""
    alarm = RejectionAlarm()
    assert observe(alarm, good=0, not_json=100) is NOT_JSON
    assert observe(alarm, good=0, empty_id=100) is EMPTY_ID
    assert observe(alarm, good=100) is None
    assert observe(alarm, good=0, empty_id=100) is EMPTY_ID


@pytest.mark.parametrize("reason", list(RejectionReason))
def test_it_rings_for_every_reason(reason: RejectionReason) -> None:
    """Each has a cause to look at first."""
    with capture_logs() as lines:
        assert RejectionAlarm().observe(100, {reason: 100}) is reason
    assert lines[0]["likely_cause"]
