"""A slow output slows the intake: what is in the worker's hands stays bounded, and nothing is dropped."""

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from export.artifact import Artifact
from tests.integration import slow_output
from tests.integration.harness import Worker, lists_by_click, make_stream, running_worker, wait_until
from workers.partition_progress import room

pytestmark = [pytest.mark.broker, pytest.mark.slow]

CLICKS = 2_000
USERS = 400
PARTITIONS = 4
MAX_BATCH_RECORDS = 50
BATCHES_IN_FLIGHT = 3
SLOW_FOR_S = 4.0


def clicks() -> Iterator[Mapping[str, object]]:
    """Clicks of many users."""
    for number in range(CLICKS):
        yield {
            "user_id": f"user-{number % USERS}",
            "item_id": f"item-{number % 5}",
            "timestamp_ms": 1_700_000_000_000 + number,
        }


def in_hand(worker: Worker) -> float:
    """How many records the worker has fetched and not processed."""
    lines = worker.get("/metrics")[1].splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("nextclick_fetched_records{"))


def test_a_slow_output_slows_the_intake(
    broker: str, tiny_artifact: Artifact, unique_name: Callable[[str], str], tmp_path: Path
) -> None:
    """While acknowledgements are late only so many records are taken; a worker after it serves all the rest."""
    stream = make_stream(
        broker,
        tiny_artifact.folder,
        unique_name("pressure"),
        partitions=PARTITIONS,
        max_batch_records=MAX_BATCH_RECORDS,
        batches_in_flight=BATCHES_IN_FLIGHT,
    )
    enough = room(stream.settings)
    stream.send(clicks())
    with running_worker(stream, tmp_path, command=slow_output.COMMAND) as worker:
        worker.wait_until_ready()
        wait_until(lambda: worker.metric("nextclick_clicks_total", outcome="applied") > 0)
        seen = []
        deadline = time.monotonic() + SLOW_FOR_S
        while time.monotonic() < deadline:
            seen.append(in_hand(worker))
            time.sleep(0.1)
        # It fetches once more where there is room for one record.
        assert enough / 2 < max(seen) < enough + MAX_BATCH_RECORDS
        taken = worker.metric("nextclick_clicks_total", outcome="applied")
        assert 0 < taken < CLICKS / 2, "the output was not slow"
        assert worker.stop() == 0
    with running_worker(stream, tmp_path) as worker:
        worker.wait_until_ready()
        wait_until(lambda: len(lists_by_click(stream)) == CLICKS, 60)
        assert worker.stop() == 0
