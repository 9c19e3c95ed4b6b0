"""A worker's states after a restart: its own from the changelog in bulk, other tables of the app as in stock Faust."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from export.artifact import Artifact
from nextclick.topics import PlannedTopic, create_topics
from tests.integration.harness import FAUST_WORKER, Stream, Worker, make_stream, running_worker, wait_until
from workers.events import OutgoingRecord

pytestmark = pytest.mark.broker

PARTITIONS = 4
RESTORED = "Changelog is read to its end"

# What a shop may add to the worker: a table of its own, with an agent that fills it and a page that shows it.
SHOP_APP = """
from faust.web import Request, Response, View

from workers.app import create_app
from workers.settings import load_settings

app = create_app(load_settings())
recovered = []


async def count_recovered(event):
    recovered.append(event.message.offset)


visits = app.Table(
    "visits",
    default=lambda: b"0",
    partitions=4,
    key_type=bytes,
    value_type=bytes,
    on_changelog_event=count_recovered,
)


@app.agent(app.topic(f"{app.conf.id}-visits", key_type=bytes, value_type=bytes))
async def count_visits(stream):
    async for user_id, _ in stream.items():
        visits[user_id] = b"%d" % (int(visits[user_id]) + 1)


@app.page("/visits")
async def show_visits(self: View, request: Request) -> Response:
    counts = {key.decode(): int(value) for key, value in visits.items()}
    return self.json({"visits": counts, "recovered": len(recovered)})
"""


def clicks_of(users: int, each: int) -> list[dict[str, object]]:
    """Clicks of some users in turn."""
    return [
        {"user_id": f"user-{number % users}", "item_id": "item-01", "timestamp_ms": 1_700_000_000_000 + number}
        for number in range(users * each)
    ]


def restored_records(worker: Worker) -> list[int]:
    """How many changelog records each restore of a worker read."""
    lines = [json.loads(line) for line in worker.log.splitlines() if RESTORED in line]
    return [line["records"] for line in lines]


def shown_visits(worker: Worker) -> dict[str, object]:
    """What the shop's page says; nothing while it is not there."""
    status, text = worker.get("/visits")
    shown: dict[str, object] = json.loads(text) if status == 200 else {}
    return shown


@pytest.mark.slow
def test_a_table_of_ones_own_is_recovered_beside_user_states(
    broker: str, tiny_artifact: Artifact, unique_name: Callable[[str], str], tmp_path: Path
) -> None:
    """Record by record, by Faust: its callback sees each one; the user states do not pass through there."""
    stream = make_stream(broker, tiny_artifact.folder, unique_name("own-table"), partitions=PARTITIONS)
    own = [f"{stream.settings.app_id}-visits", f"{stream.settings.app_id}-visits-changelog"]
    create_own_topics(stream, own)
    (tmp_path / "shop_app.py").write_text(SHOP_APP, encoding="utf-8")
    command = (FAUST_WORKER[0], "-A", "shop_app", "worker", "--loglevel", "info")
    environment = {"PYTHONPATH": f"{tmp_path}:{Path.cwd()}", "NEXTCLICK_LOG_FORMAT": "json"}
    stream.send(clicks_of(20, 3))
    stream.send_records([OutgoingRecord(own[0], number % 4, b"user-%d" % (number % 8), b"") for number in range(80)])
    expected = {f"user-{number}": 10 for number in range(8)}

    with running_worker(stream, tmp_path, command=command, **environment) as worker:
        worker.wait_for_clicks(60)
        wait_until(lambda: shown_visits(worker).get("visits") == expected)
        wait_until(lambda: len(stream.read_all(own[1])) == 80)
        worker.kill()
    states = stream.states()
    with running_worker(stream, tmp_path, command=command, **environment) as worker:
        worker.wait_until_ready()
        assert shown_visits(worker) == {"visits": expected, "recovered": 80}
        assert restored_records(worker)[-1] >= len(states)
        stream.send(clicks_of(20, 1))
        wait_until(lambda: worker.clicks()["applied"] == 20)
        assert worker.stop() == 0
    assert {state.clicks for state in stream.decoded_states().values()} == {4}


def create_own_topics(stream: Stream, names: Sequence[str]) -> None:
    """Make topics that are not the worker's own."""
    plan = [PlannedTopic("a shop's own", name) for name in names]
    create_topics(stream.settings.bootstrap_servers, plan, partitions=PARTITIONS, replication_factor=1)


@pytest.mark.slow
def test_a_restart_with_rocksdb_reads_only_the_tail_of_the_changelog(
    broker: str, tiny_artifact: Artifact, unique_name: Callable[[str], str], tmp_path: Path
) -> None:
    """What another process wrote behind the offset that the rows stand for, and nothing that is there already."""
    stream = make_stream(
        broker,
        tiny_artifact.folder,
        unique_name("tail"),
        partitions=PARTITIONS,
        store="rocksdb",
        state_folder=tmp_path / "state",
        log_format="json",
    )
    stream.send(clicks_of(100, 2))
    with running_worker(stream, tmp_path) as worker:
        worker.wait_for_clicks(200)
        worker.kill()
    records = stream.read_all(stream.settings.changelog_topic)
    tail = [OutgoingRecord(record.topic, record.partition, record.key, record.value) for record in records[-5:]]
    stream.send_records(tail)
    with running_worker(stream, tmp_path) as worker:
        worker.wait_until_ready()
        # A batch whose states were acknowledged when it was killed may not have been installed.
        assert 5 <= restored_records(worker)[-1] < len(records) / 2
        stream.send(clicks_of(100, 1))
        wait_until(lambda: worker.clicks()["applied"] == 100)
    assert {state.clicks for state in stream.decoded_states().values()} == {3}


@pytest.mark.slow
def test_states_of_a_changelog_that_was_made_again_are_refused(
    broker: str, tiny_artifact: Artifact, unique_name: Callable[[str], str], tmp_path: Path
) -> None:
    """The rows on disk would be behind nobody: exit code 1 and what to do, not a worker that serves them."""
    name = unique_name("again")
    rocksdb = {"NEXTCLICK_STORE": "rocksdb", "NEXTCLICK_STATE_FOLDER": str(tmp_path / "state")}
    stream = make_stream(broker, tiny_artifact.folder, name, partitions=1)
    stream.send(clicks_of(20, 1))
    with running_worker(stream, tmp_path, **rocksdb) as worker:
        worker.wait_for_clicks(20)
        assert worker.stop() == 0
    # Another topic in its place: the same states, other offsets.
    other = make_stream(broker, tiny_artifact.folder, unique_name("other"), partitions=1)
    (tmp_path / "state" / name).rename(tmp_path / "state" / other.settings.app_id)
    with running_worker(other, tmp_path, **rocksdb) as worker:
        assert worker.process.wait(timeout=40) == 1
        assert "ends at 0: it was deleted and made again" in worker.log


@pytest.mark.slow
def test_a_click_topic_that_was_made_again_is_noticed(
    broker: str, tiny_artifact: Artifact, unique_name: Callable[[str], str], tmp_path: Path
) -> None:
    """Its offsets begin again below those in the states: clicks would be taken for redelivered in silence."""
    name = unique_name("anew")
    stream = make_stream(broker, tiny_artifact.folder, name, partitions=1)
    stream.send(clicks_of(20, 1))
    with running_worker(stream, tmp_path) as worker:
        worker.wait_for_clicks(20)
        assert worker.stop() == 0
    anew = make_stream(broker, tiny_artifact.folder, name, partitions=1, clicks_topic=f"{name}-clicks-anew")
    with running_worker(anew, tmp_path) as worker:
        worker.wait_until_ready()
        anew.send(clicks_of(5, 1))
        wait_until(lambda: worker.metric("nextclick_states_ahead_of_clicks", partition="0") == 15)
        assert "User states are ahead of their clicks" in worker.log
        assert worker.clicks()["redelivered"] == 5
