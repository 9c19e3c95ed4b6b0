"""A shadow worker on the live click topic: production's offsets, topics and lists stay as they are."""

import uuid
from pathlib import Path

import pytest
from kafka import TopicPartition

from export.artifact import Artifact
from nextclick.shadow import shadow_settings
from nextclick.topics import create_topics, planned_topics
from tests.integration.harness import NEXTCLICK_WORKER, Stream, make_stream, running_worker, wait_until
from workers.kafka_admin import connected_admin

pytestmark = [pytest.mark.broker, pytest.mark.slow]


def committed(stream: Stream, group: str) -> dict[TopicPartition, int]:
    """Return a group's committed offsets of the click topic."""
    with connected_admin(stream.settings.bootstrap_servers) as admin:
        offsets = admin.list_group_offsets({group: None})[group]
    topic = stream.settings.clicks_topic
    return {tp: place.offset for tp, place in offsets.items() if tp.topic == topic and place.offset >= 0}


def test_a_shadow_moves_nothing_of_productions(
    broker: str, tiny_artifact: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both read every click; each has its own group, lists and states; the lists are the same."""
    live = make_stream(broker, tiny_artifact.folder, f"live-{uuid.uuid4().hex[:8]}")
    for name, value in live.environment.items():
        monkeypatch.setenv(name, value)
    shadow = Stream(shadow_settings("new"), live.environment)
    create_topics(broker, planned_topics(shadow.settings), partitions=4, replication_factor=1)
    clicks = [
        {"user_id": f"user-{n % 7}", "item_id": f"item-{n % 30:02}", "timestamp_ms": 1_714_521_600_000 + n * 1_000}
        for n in range(60)
    ]
    live.send(clicks[:40])
    with running_worker(live, tmp_path) as worker:
        worker.wait_until_ready()
        worker.wait_for_clicks(40)
        assert worker.stop() == 0
    before = committed(live, live.settings.app_id)
    assert sum(before.values()) == 40
    lists_before = live.read_all(live.settings.recommendations_topic)
    live.send(clicks[40:])

    folder = tmp_path / "shadow"
    folder.mkdir()
    with running_worker(live, folder, command=(*NEXTCLICK_WORKER, "--shadow", "new")) as worker:
        worker.wait_until_ready()
        worker.wait_for_clicks(60)
        wait_until(lambda: sum(committed(live, shadow.settings.app_id).values()) == 60)
        assert worker.stop() == 0
    assert committed(live, live.settings.app_id) == before
    assert live.read_all(live.settings.recommendations_topic) == lists_before
    assert len(lists_before) == 40
    shadows = {(record.partition, record.value) for record in shadow.read_all(shadow.settings.recommendations_topic)}
    assert len(shadows) == 60
    assert {(record.partition, record.value) for record in lists_before} < shadows
    assert set(shadow.states()) == {f"user-{n}" for n in range(7)}
