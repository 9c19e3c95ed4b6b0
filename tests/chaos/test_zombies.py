"""A worker that sleeps through its session in the middle of a write, and wakes up to write on."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.broken_workers import command
from tests.chaos.checker.verdict import Violation
from tests.chaos.click_source import counts_recipe, endless_clicks, made_clicks
from tests.chaos.run import ChaosPlan, ChaosReport, run_chaos
from tests.chaos.schedule import Fault, Step
from tests.factories import make_tiny_artifact

pytestmark = [pytest.mark.broker, pytest.mark.chaos]

# Beyond the session of three seconds: the other worker has taken over and written when this one wakes up.
HANGS = [Step(at_s, Fault.HANG_WORKER, target, 9.0) for at_s, target in ((4.0, 0), (20.0, 1), (36.0, 0))]


def run_with(mistake: str, broker: str, name: str, folder: Path) -> ChaosReport:
    """Send some 3,000 clicks to two workers that hang in turn."""
    clicks = made_clicks(10_000)
    items = sorted({click.item_id for click in clicks})
    artifact = make_tiny_artifact(folder / "artifact", item_ids=items, counts=counts_recipe(clicks))
    plan = ChaosPlan(
        name=name,
        artifact=artifact.folder,
        clicks=endless_clicks(clicks, seed=1, users=40),
        clicks_per_second=60.0,
        schedule=HANGS,
        duration_s=50.0,
        workers=2,
        session_timeout_s=3,
        partitions=4,
        command=command(mistake),
    )
    return run_chaos(plan, broker, folder, lambda _at_s, _what: None)


def test_a_worker_that_wakes_up_too_late_does_no_harm(
    broker: str, tmp_path: Path, unique_name: Callable[[str], str]
) -> None:
    """Its late writes are counted; what others wrote meanwhile is not forgotten, and every bucket is exact."""
    # Slow between its writes, and right: the stop falls between them.
    report = run_with("control", broker, unique_name("zombies"), tmp_path)
    assert report.faults == {Fault.HANG_WORKER: 3}
    assert report.verdict.violations == {}
    assert report.verdict.counts["clicks counted"] > 1_000
    assert report.unprocessed == {}


def test_workers_that_claim_no_partition_are_caught(
    broker: str, tmp_path: Path, unique_name: Callable[[str], str]
) -> None:
    """What one of them still writes when it wakes up stands where its successor's records stood."""
    report = run_with("claim-nothing", broker, unique_name("unclaimed"), tmp_path)
    assert set(report.verdict.violations) == {Violation.WRONG_COUNTS}
