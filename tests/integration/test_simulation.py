"""A real worker's lists, and those of a simulation of its recorded clicks: the same bytes."""

import time
import uuid
from pathlib import Path

import pytest

from export.artifact import Artifact, load_artifact
from nextclick.recording.files import open_recording
from nextclick.recording.recorder import record_topic
from nextclick.recording.replayer import replay_records
from nextclick.recording.selection import Selection
from nextclick.recording.sources import all_records
from nextclick.simulation.simulator import SimulationTotals, Simulator
from tests.click_records import click_value
from tests.integration.harness import Stream, make_stream, running_worker
from tests.nextclick.recording.made import make_head, make_recorded
from tests.nextclick.simulation.clicks import recorded_clicks

pytestmark = pytest.mark.broker

CLICKS = 1_500


def send(stream: Stream) -> None:
    """Fill the click topic: clicks of all kinds, records that are none, and one from the year 2099."""
    records = recorded_clicks(CLICKS)
    future = click_value("user-3", timestamp_ms=4_070_908_800_000)
    records.insert(700, make_recorded(3, key=b"user-3", value=future))
    report = replay_records(
        records,
        make_head(),
        bootstrap_servers=stream.settings.bootstrap_servers,
        topic=stream.settings.clicks_topic,
        cluster_id="another",
    )
    assert report.acknowledged == CLICKS + 1


def simulated(stream: Stream, recording: Path, batch_records: int, selection: Selection) -> dict[int, list[bytes]]:
    """Return the bodies of a simulation's lists by partition, and hold their count against the dead letters."""
    source, artifact = open_recording(recording), stream.settings.artifact
    simulator = Simulator(load_artifact(artifact), stream.settings, source.head, batch_records=batch_records)
    totals = SimulationTotals()
    lists: dict[int, list[bytes]] = {}
    for batch in simulator.run(selection.of(all_records(source))):
        totals.add(batch)
        for body in batch.lists:
            partition = int(body.partition(b'"partition":')[2].partition(b",")[0])
            lists.setdefault(partition, []).append(body)
    assert totals.dead_letters["timestamp_in_future"] == (1 if selection.has_partition(3) else 0)
    return lists


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_simulated_lists_are_the_published_ones(
    broker: str, tiny_artifact: Artifact, tmp_path: Path, workers: int
) -> None:
    """Every list of every partition in its order: one worker or two, any micro-batch, whole or in parts."""
    stream = make_stream(broker, tiny_artifact.folder, f"simulated-{uuid.uuid4().hex[:8]}")
    (tmp_path / "second").mkdir()
    if workers == 1:
        send(stream)
    with running_worker(stream, tmp_path) as worker:
        if workers == 1:
            worker.wait_until_ready()
            worker.wait_for_clicks(CLICKS + 1)
        else:
            with running_worker(stream, tmp_path / "second") as other:
                for one in (worker, other):
                    one.wait_until_ready()
                send(stream)
                deadline = time.monotonic() + 60
                while sum(worker.clicks().values()) + sum(other.clicks().values()) < CLICKS + 1:
                    assert time.monotonic() < deadline
                    time.sleep(0.1)
                assert other.stop() == 0
        assert worker.stop() == 0
    published: dict[int, list[bytes]] = {}
    for record in stream.read_all(stream.settings.recommendations_topic):
        published.setdefault(record.partition, []).append(record.value)
    letters = stream.read_all(stream.settings.dead_letter_topic)
    assert sum(map(len, published.values())) + len(letters) == CLICKS + 1

    recording = tmp_path / "clicks.parquet"
    record_topic(recording, bootstrap_servers=broker, topic=stream.settings.clicks_topic, selection=Selection())
    for batch_records in (8_192, 33):
        assert simulated(stream, recording, batch_records, Selection()) == published
    halves = [simulated(stream, recording, 500, Selection(partitions=frozenset(half))) for half in ({0, 3}, {1, 2})]
    assert halves[0] | halves[1] == published
