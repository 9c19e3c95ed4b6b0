"""Workers with names of their own, on Apache Kafka: a restart moves nothing, a name that is taken ends a worker."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from export.artifact import Artifact
from tests.integration.harness import Stream, Worker, make_stream, running_worker, wait_until

pytestmark = [pytest.mark.broker, pytest.mark.kafka, pytest.mark.slow]

PARTITIONS = 4
# A worker takes seconds to start, more on a busy machine.
SESSION_TIMEOUT_S = 25
RESTORED = "User states are restored, clicks flow"


@contextmanager
def named_worker(stream: Stream, folder: Path, name: str) -> Iterator[Worker]:
    """Run a worker under a name of its own, ready; its log is its alone."""
    log = folder / f"{name}-{time.monotonic_ns()}"
    log.mkdir()
    with running_worker(stream, log, NEXTCLICK_GROUP_INSTANCE_ID=name) as worker:
        worker.wait_until_ready()
        yield worker


def make_named_stream(broker: str, artifact: Artifact, name: str, **settings: object) -> Stream:
    """The topics of a test, and a session that outlives a restart."""
    chosen = {"session_timeout_s": SESSION_TIMEOUT_S, "log_format": "json", **settings}
    return make_stream(broker, artifact.folder, name, partitions=PARTITIONS, **chosen)


def click(number: int) -> dict[str, object]:
    """A click of one of many users: every partition has some."""
    return {"user_id": f"user-{number % 40}", "item_id": "item-01", "timestamp_ms": 1_700_000_000_000 + number}


def test_a_restart_within_the_session_timeout_moves_no_partition(
    kafka: str, tiny_artifact: Artifact, unique_name: Callable[[str], str], tmp_path: Path
) -> None:
    """The other worker goes on undisturbed; the restarted one has its partitions again, and its users' clicks."""
    stream = make_named_stream(kafka, tiny_artifact, unique_name("named"))
    with named_worker(stream, tmp_path, "one") as one:
        with named_worker(stream, tmp_path, "two") as two:
            wait_until(lambda: one.log.count(RESTORED) == 2)
            stream.send(map(click, range(200)))
            wait_until(lambda: sum(one.clicks().values()) + sum(two.clicks().values()) == 200)
            owned_by_two = sum(two.clicks().values())
            assert 0 < owned_by_two < 200
            assert two.stop() == 0
        stream.send(map(click, range(200, 400)))
        with named_worker(stream, tmp_path, "two") as two:
            wait_until(lambda: sum(two.clicks().values()) == owned_by_two)
            wait_until(lambda: sum(one.clicks().values()) == 2 * (200 - owned_by_two))
            assert (one.log.count(RESTORED), two.log.count(RESTORED)) == (2, 1)
    assert len(stream.lists(400)) == 400
    assert {state.clicks for state in stream.decoded_states().values()} == {10}


def test_of_two_workers_of_one_name_the_older_ends(
    kafka: str, tiny_artifact: Artifact, unique_name: Callable[[str], str], tmp_path: Path
) -> None:
    """With a sentence that names the remedy and exit code 1; the newer one has the partitions and keeps them."""
    stream = make_named_stream(kafka, tiny_artifact, unique_name("twice"), session_timeout_s=10)
    with named_worker(stream, tmp_path, "one") as older, named_worker(stream, tmp_path, "one") as newer:
        assert older.process.wait(timeout=30) == 1
        assert "group_instance_id=one" in older.log
        assert "give every worker a name of its own" in older.log
        assert "Event loop is closed" not in older.log
        stream.send(map(click, range(40)))
        newer.wait_for_clicks(40)
        assert newer.log.count(RESTORED) == 1
        assert newer.stop() == 0
