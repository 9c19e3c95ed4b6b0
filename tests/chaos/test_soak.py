"""A small soak: the verb at work."""

from pathlib import Path

import pytest

from tests.chaos.soak import soak

pytestmark = [pytest.mark.broker, pytest.mark.chaos]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux alone tells what a process has")
def test_ten_thousand_clicks_of_five_hundred_users_leave_nothing_behind(broker: str, tmp_path: Path) -> None:
    report = soak(10_000, 500, 1_500.0, broker, tmp_path, sample_s=0.3)
    assert report.clicks == 10_000
    assert report.outcomes["applied"] == report.lists == 10_000
    assert report.grew == []
