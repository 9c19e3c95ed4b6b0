"""The checker against real workers with a mistake put in: each must be caught, and the control must pass."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from tests.chaos.broken_workers import MISTAKES, command
from tests.chaos.checker.verdict import Violation
from tests.chaos.click_source import counts_recipe, endless_clicks, made_clicks
from tests.chaos.run import ChaosPlan, ChaosReport, run_chaos
from tests.chaos.schedule import Fault, Step
from tests.factories import make_tiny_artifact

pytestmark = [pytest.mark.broker, pytest.mark.chaos]

# A crash loses what lies between two writes; the second one comes when the clicks flow again after the first.
KILLS = [Step(at_s, Fault.KILL_WORKER, 0, 0.3) for at_s in (2.0, 8.5)]
# Whether it meets a worker between two writes is chance: on a busy machine it may find one that has not begun again.
ATTEMPTS = 3
DURATION_S = 10.0
CLICKS_PER_SECOND = 60.0
# What each mistake comes down to; a run may show more than this.
SHOWS = {
    "save-before-publish": {Violation.LOST, Violation.STATE_BEFORE_LIST},
    "commit-early": {Violation.LOST, Violation.WRONG_STATE},
    "apply-again": {Violation.CHANGED_LIST, Violation.WRONG_STATE},
    "count-again": {Violation.WRONG_COUNTS},
    "count-late": {Violation.WRONG_COUNTS},
}
# Mistakes in live counts; for the others the checker ranks every list itself.
COUNTING = {"count-again", "count-late"}
# Only a worker that hangs shows it: `test_zombies.py`.
SHOWN_BY_A_HANG = {"claim-nothing"}


def run_with(mistake: str, broker: str, name: str, folder: Path, *, counts: bool) -> ChaosReport:
    """Send some 600 clicks of forty users to one worker that is killed twice."""
    clicks = made_clicks(10_000)
    items = sorted({click.item_id for click in clicks})
    plan = ChaosPlan(
        name=name,
        artifact=make_tiny_artifact(
            folder / "artifact", item_ids=items, counts=counts_recipe(clicks) if counts else None
        ).folder,
        clicks=islice(endless_clicks(clicks, seed=1, users=40), 5_000),
        clicks_per_second=CLICKS_PER_SECOND,
        schedule=KILLS,
        duration_s=DURATION_S,
        workers=1,
        session_timeout_s=3,
        partitions=4,
        command=command(mistake),
    )
    return run_chaos(plan, broker, folder, lambda _at_s, _what: None)


@pytest.mark.parametrize("mistake", SHOWS)
def test_a_broken_worker_is_caught(
    broker: str, tmp_path: Path, unique_name: Callable[[str], str], mistake: str
) -> None:
    found: set[Violation] = set()
    for attempt in range(ATTEMPTS):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        name = unique_name(f"{mistake}-{attempt}")
        found |= set(run_with(mistake, broker, name, folder, counts=mistake in COUNTING).verdict.violations)
        if found >= SHOWS[mistake]:
            return
    assert found >= SHOWS[mistake]


@pytest.mark.parametrize("counts", [False, True])
def test_a_worker_that_is_only_slow_is_not(
    broker: str, tmp_path: Path, unique_name: Callable[[str], str], *, counts: bool
) -> None:
    """The same pauses and the same kills, the right order: what is caught above is the mistake, not the pause."""
    report = run_with("control", broker, unique_name("control"), tmp_path, counts=counts)
    assert report.faults == {Fault.KILL_WORKER: 2}
    assert report.verdict.violations == {}
    assert report.holds
    assert (report.verdict.counts["lists with live counts"] > 0) is counts


def test_every_mistake_is_tried() -> None:
    assert {*SHOWS, *SHOWN_BY_A_HANG, "control"} == set(MISTAKES)
