"""The broker away for a minute under load: the worker says so, waits, and goes on where it was."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest

pytestmark = [pytest.mark.kafka, pytest.mark.chaos]

# A balancer that asks every ten seconds should learn of it before a person does.
NOT_READY_WITHIN_S = 20.0
TIMEOUT_S = 400.0
WAYS = ("hangs", "dies")


@dataclass(frozen=True)
class SeenOutage:
    """What `python -m tests.chaos.outage` reports; the names are those of `OutageReport`."""

    not_ready_after_s: float | None
    statuses: list[int]
    exit_code: int | None
    processed_after_s: float | None
    violations: dict[str, int]


@pytest.fixture(scope="module")
def outages() -> Mapping[str, SeenOutage]:
    """Each way for a broker to be away, all at one time: nearly all of it is waiting."""
    if not os.environ.get("NEXTCLICK_TEST_KAFKA_CLUSTER"):
        pytest.skip("no broker that may be broken: NEXTCLICK_TEST_KAFKA_CLUSTER names the script that starts one")
    with ExitStack() as stack:
        # Processes of their own: kafka-python leaves sockets open that were refused, and warnings are errors here.
        started = {how: stack.enter_context(started_outage(how)) for how in WAYS}
        said = {how: process.communicate(timeout=TIMEOUT_S)[0] for how, process in started.items()}
    return {how: SeenOutage(**json.loads(lines.splitlines()[-1])) for how, lines in said.items()}


@contextmanager
def started_outage(how: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.chaos.outage", "--how", how]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture(params=WAYS)
def outage(request: pytest.FixtureRequest, outages: Mapping[str, SeenOutage]) -> SeenOutage:
    """One worker on one node, which is stopped for a minute, or killed and started again a minute later."""
    return outages[request.param]


def test_a_worker_says_that_it_is_not_ready_while_its_broker_is_away(outage: SeenOutage) -> None:
    assert outage.not_ready_after_s is not None
    assert outage.not_ready_after_s < NOT_READY_WITHIN_S
    assert set(outage.statuses) <= {200, 503}


def test_a_worker_outlives_the_outage_and_catches_up_by_itself(outage: SeenOutage) -> None:
    assert outage.exit_code is None
    assert outage.processed_after_s is not None


def test_nothing_is_lost_in_the_outage(outage: SeenOutage) -> None:
    assert outage.violations == {}
