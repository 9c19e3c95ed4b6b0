"""Workers that wait: a standby has the states when a worker dies, and one without partitions has its turn."""

import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from export.artifact import Artifact
from tests.integration.harness import Stream, Worker, lists_by_click, make_stream, running_worker, wait_until

pytestmark = [pytest.mark.broker, pytest.mark.slow]

PARTITIONS = 4
USERS = 40
RESTORED = "Changelog is read to its end"
FLOWING = "User states are restored, clicks flow"


def clicks(start: int, end: int) -> list[dict[str, object]]:
    """Some of a stream of clicks of users in turn."""
    return [
        {
            "user_id": f"user-{number % USERS}",
            "item_id": f"item-{number % 29:02}",
            "timestamp_ms": 1_700_000_000_000 + 1_000 * number,
        }
        for number in range(start, end)
    ]


def partitions_of(worker: Worker) -> list[int]:
    """The partitions that a worker owned when its clicks last began to flow."""
    lines = [json.loads(line) for line in worker.log.splitlines() if FLOWING in line]
    return lines[-1]["partitions"] if lines else []


def standby_lags(worker: Worker) -> list[float]:
    """How far behind each standby partition of a worker is."""
    lines = worker.get("/metrics")[1].splitlines()
    return [float(line.split()[-1]) for line in lines if line.startswith("nextclick_standby_lag_records{")]


def uninterrupted(broker: str, artifact: Artifact, name: str, folder: Path) -> Stream:
    """The stream of one worker that took all the clicks undisturbed."""
    stream = make_stream(broker, artifact.folder, name, partitions=PARTITIONS)
    stream.send(clicks(0, 800))
    with running_worker(stream, folder) as worker:
        worker.wait_for_clicks(800)
        assert worker.stop() == 0
    return stream


@pytest.mark.parametrize("store", ["memory", "rocksdb"])
def test_a_standby_takes_over_without_reading_the_changelog_again(
    broker: str, tiny_artifact: Artifact, unique_name: Callable[[str], str], tmp_path: Path, store: str
) -> None:
    """Kill -9 of one of two: the same lists and states as of a worker that nothing disturbed, from the tail alone."""
    stream = make_stream(
        broker,
        tiny_artifact.folder,
        unique_name("standby"),
        partitions=PARTITIONS,
        standby_replicas=1,
        store=store,
        log_format="json",
    )
    with ExitStack() as stack:
        workers = []
        for number in range(2):
            folder = tmp_path / f"worker-{number}"
            folder.mkdir()
            state_folder = {"NEXTCLICK_STATE_FOLDER": str(folder / "state")}
            workers.append(stack.enter_context(running_worker(stream, folder, **state_folder)))
        survivor, victim = workers
        wait_until(lambda: sorted(partitions_of(survivor) + partitions_of(victim)) == list(range(PARTITIONS)), 60)
        stream.send(clicks(0, 400))
        wait_until(lambda: sum(survivor.clicks().values()) + sum(victim.clicks().values()) == 400)
        # The gauge is of the last fetch; the survivor's log tells at the end what it had to read.
        wait_until(lambda: standby_lags(survivor) == [0.0] * len(partitions_of(victim)))
        restored_before = survivor.log.count(RESTORED)

        victim.kill()
        stream.send(clicks(400, 800))
        wait_until(lambda: len(lists_by_click(stream)) == 800, 60)
        wait_until(lambda: partitions_of(survivor) == list(range(PARTITIONS)))
        assert standby_lags(survivor) == []
        restored = [json.loads(line)["records"] for line in survivor.log.splitlines() if RESTORED in line]
        # What the victim wrote in its last moments, where there was anything at all.
        assert sum(restored[restored_before:]) < USERS
        assert survivor.stop() == 0

    undisturbed = uninterrupted(broker, tiny_artifact, unique_name("undisturbed"), tmp_path)
    assert stream.states() == undisturbed.states()
    assert lists_by_click(stream) == lists_by_click(undisturbed)


def test_a_worker_that_had_nothing_to_do_for_long_takes_over(
    broker: str, tiny_artifact: Artifact, unique_name: Callable[[str], str], tmp_path: Path
) -> None:
    """Longer than the client library lets a member go without a fetch: it is a member all the same."""
    stream = make_stream(broker, tiny_artifact.folder, unique_name("waiting"), partitions=1, log_format="json")
    with ExitStack() as stack:
        workers = []
        for number in range(2):
            folder = tmp_path / f"worker-{number}"
            folder.mkdir()
            # Faust's own setting, of the consumer: 1000 s otherwise.
            workers.append(stack.enter_context(running_worker(stream, folder, BROKER_MAX_POLL_INTERVAL="3")))
        wait_until(lambda: all(FLOWING in worker.log for worker in workers), 60)
        wait_until(lambda: sorted(map(partitions_of, workers)) == [[], [0]], 60)
        owner, waiting = sorted(workers, key=partitions_of, reverse=True)
        time.sleep(10)
        owner.kill()
        stream.send(clicks(0, USERS))
        waiting.wait_for_clicks(USERS)
        assert waiting.stop() == 0
