"""kill -9: nothing lost, nothing applied twice."""

import json
import random
import signal
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from export.artifact import Artifact
from models.counts.recipe import CountsRecipe
from tests.integration import crashing_worker
from tests.integration.counted_streams import assert_buckets_are_exact
from tests.integration.crashing_worker import POINTS
from tests.integration.harness import Stream, make_stream, running_worker

pytestmark = pytest.mark.broker

CLICKS = 3000
PARTITIONS = 4
# Buckets of sixty clicks: some chunks are full in the middle of one.
RECIPE = CountsRecipe(bucket_ms=60_000, boost_length=16)


@pytest.fixture(scope="module")
def counting_artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """A model that ranks with live counts: every step of a micro-batch is taken."""
    from tests.factories import make_tiny_artifact  # noqa: PLC0415 - torch

    return make_tiny_artifact(tmp_path_factory.mktemp("counting"), counts=RECIPE)


@pytest.fixture(scope="module")
def clicks() -> list[dict[str, object]]:
    """Clicks of 50 users, some on items that the model does not know."""
    chance = random.Random(7)
    return [
        {
            "user_id": f"user-{chance.randrange(50)}",
            "item_id": f"item-{chance.randrange(32):02}",
            "timestamp_ms": 1_700_000_000_000 + 1000 * number,
            "event_id": f"click-{number}",
        }
        for number in range(CLICKS)
    ]


@pytest.fixture(scope="module")
def uninterrupted(
    broker: str, counting_artifact: Artifact, tmp_path_factory: pytest.TempPathFactory, clicks: list[dict[str, object]]
) -> dict[str, bytes]:
    """Each user's state record after a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    stream = make_stream(
        broker, counting_artifact.folder, f"uninterrupted-{uuid.uuid4().hex[:8]}", partitions=PARTITIONS
    )
    stream.send(clicks)
    with running_worker(stream, folder) as worker:
        assert len(stream.lists(CLICKS)) == CLICKS
        assert worker.stop() == 0
    return stream.states()


def lists_of_each_click(stream: Stream) -> dict[tuple[int, int], dict[str, set[bytes]]]:
    """Return the different lists of each click, by its partition and offset, by the counts that they name."""
    lists: dict[tuple[int, int], dict[str, set[bytes]]] = {}
    for record in stream.read_all(stream.settings.recommendations_topic):
        body = json.loads(record.value)
        of_click = lists.setdefault((body["source"]["partition"], body["source"]["offset"]), {})
        of_click.setdefault(str(body.get("counts")), set()).add(record.value)
    return lists


@pytest.mark.parametrize("store", ["memory", pytest.param("rocksdb", marks=pytest.mark.slow)])
def test_states_after_kill_9_equal_those_of_an_uninterrupted_run(
    broker: str,
    counting_artifact: Artifact,
    unique_name: Callable[[str], str],
    tmp_path: Path,
    clicks: list[dict[str, object]],
    uninterrupted: dict[str, bytes],
    store: str,
) -> None:
    """A worker killed in the middle of a replay and started again: the same bytes, every click has its list."""
    stream = make_stream(
        broker,
        counting_artifact.folder,
        unique_name(f"killed-{store}"),
        partitions=PARTITIONS,
        store=store,
        state_folder=tmp_path / "state",
        max_batch_records=64,
    )
    stream.send(clicks)
    with running_worker(stream, tmp_path) as worker:
        worker.wait_until_ready()
        while worker.metric("nextclick_clicks_total", outcome="applied") < CLICKS / 4:
            time.sleep(0.01)
        worker.kill()
    finish(stream, tmp_path)
    assert_nothing_lost(stream, counting_artifact, uninterrupted)


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_a_crash_between_any_two_steps_changes_nothing(
    kafka: str,
    counting_artifact: Artifact,
    unique_name: Callable[[str], str],
    tmp_path: Path,
    clicks: list[dict[str, object]],
    uninterrupted: dict[str, bytes],
    point: str,
) -> None:
    """Killed at the point by its name, twice in a row, several micro-batches in flight, and started again."""
    stream = make_stream(
        kafka,
        counting_artifact.folder,
        unique_name(point),
        partitions=PARTITIONS,
        max_batch_records=64,
        # Three thousand clicks are soon done: there must be a second commit to die at.
        commit_interval_s=0.02,
    )
    stream.send(clicks)
    for times in (2, 1):
        with running_worker(stream, tmp_path, command=crashing_worker.command(point, times)) as worker:
            assert worker.process.wait(60) == -signal.SIGKILL
    finish(stream, tmp_path)
    assert_nothing_lost(stream, counting_artifact, uninterrupted)


def finish(stream: Stream, folder: Path) -> None:
    """Let a worker process what is left, and stop it."""
    with running_worker(stream, folder) as worker:
        worker.wait_until_ready()
        worker.wait_until_idle()
        assert worker.stop() == 0


def assert_nothing_lost(stream: Stream, artifact: Artifact, uninterrupted: dict[str, bytes]) -> None:
    """Every click has its list, the same one wherever it names the same counts; states and buckets are exact."""
    lists = lists_of_each_click(stream)
    assert len(lists) == CLICKS
    assert all(len(values) == 1 for of_click in lists.values() for values in of_click.values())
    assert_buckets_are_exact(stream, artifact, RECIPE, at_least=CLICKS // 2)
    assert stream.states() == uninterrupted
    assert sum(state.clicks for state in stream.decoded_states().values()) == CLICKS
