"""A worker that sleeps through its session in the middle of a write, and wakes up to write on."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.broken_workers import command
from tests.chaos.click_source import endless_clicks, made_clicks
from tests.chaos.run import ChaosPlan, run_chaos
from tests.chaos.schedule import Fault, Step
from tests.factories import make_tiny_artifact

pytestmark = [pytest.mark.broker, pytest.mark.chaos]

# Beyond the session of three seconds: the other worker has taken over and written when this one wakes up.
HANGS = [Step(at_s, Fault.HANG_WORKER, target, 9.0) for at_s, target in ((4.0, 0), (20.0, 1), (36.0, 0))]


def test_a_worker_that_wakes_up_too_late_does_no_harm(
    broker: str, tmp_path: Path, unique_name: Callable[[str], str]
) -> None:
    """Its late writes are counted; what others wrote meanwhile is not forgotten."""
    clicks = made_clicks(10_000)
    plan = ChaosPlan(
        name=unique_name("zombies"),
        artifact=make_tiny_artifact(tmp_path / "artifact", item_ids=sorted({click.item_id for click in clicks})).folder,
        clicks=endless_clicks(clicks, seed=1, users=40),
        clicks_per_second=60.0,
        schedule=HANGS,
        duration_s=50.0,
        workers=2,
        session_timeout_s=3,
        partitions=4,
        # Slow between its writes, and right: the stop falls between them.
        command=command("control"),
    )
    report = run_chaos(plan, broker, tmp_path, lambda _at_s, _what: None)
    assert report.faults == {Fault.HANG_WORKER: 3}
    assert report.verdict.violations == {}
    assert report.unprocessed == {}
