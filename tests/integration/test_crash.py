"""kill -9: nothing lost, nothing applied twice."""

import json
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from export.artifact import Artifact
from tests.integration.harness import Stream, make_stream, running_worker

pytestmark = pytest.mark.broker

CLICKS = 3000


def _clicks(count: int = CLICKS, users: int = 50) -> list[dict[str, object]]:
    chance = random.Random(7)
    return [
        {
            "user_id": f"user-{chance.randrange(users)}",
            "item_id": f"item-{chance.randrange(32):02}",
            "timestamp_ms": 1_700_000_000_000 + 1000 * number,
            "event_id": f"click-{number}",
        }
        for number in range(count)
    ]


def _lists_of_each_click(stream: Stream) -> dict[tuple[int, int], set[bytes]]:
    """Return the different values that were published for each click, by its partition and offset."""
    lists: dict[tuple[int, int], set[bytes]] = {}
    for record in stream.read_all(stream.settings.recommendations_topic):
        source = json.loads(record.value)["source"]
        lists.setdefault((source["partition"], source["offset"]), set()).add(record.value)
    return lists


@pytest.mark.parametrize("store", ["memory", "rocksdb"])
def test_states_after_kill_9_equal_those_of_an_uninterrupted_run(
    broker: str, tiny_artifact: Artifact, unique_name: Callable[[str], str], tmp_path: Path, store: str
) -> None:
    """A worker killed in the middle of a replay, then started again, ends with the same bytes, and no list is missing."""
    calm = make_stream(broker, tiny_artifact.folder, unique_name("calm"))
    killed = make_stream(
        broker,
        tiny_artifact.folder,
        unique_name(f"killed-{store}"),
        store=store,
        state_folder=tmp_path / "state",
        max_batch_records=64,
    )
    clicks = _clicks()
    calm.send(clicks)
    killed.send(clicks)
    with running_worker(calm, tmp_path) as worker:
        assert len(calm.lists(CLICKS)) == CLICKS
        assert worker.stop() == 0

    with running_worker(killed, tmp_path) as worker:
        worker.wait_until_ready()
        while worker.metric("nextclick_clicks_total", outcome="applied") < CLICKS / 4:
            time.sleep(0.01)
        worker.kill()
    with running_worker(killed, tmp_path) as worker:
        worker.wait_until_ready()
        worker.wait_until_idle()
        assert worker.stop() == 0

    lists = _lists_of_each_click(killed)
    assert len(lists) == CLICKS
    assert all(len(values) == 1 for values in lists.values())
    assert killed.states() == calm.states()
    assert sum(state.clicks for state in killed.decoded_states().values()) == CLICKS
