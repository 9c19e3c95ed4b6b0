"""`rekey=true`: clicks that are keyed otherwise go through an internal topic first, keyed by their user."""

import json
import uuid
from collections import Counter
from pathlib import Path

import pytest
from kafka.partitioner import murmur2

from export.artifact import Artifact
from tests.click_tables import MAY_2024_MS
from tests.integration.harness import make_stream, running_worker, wait_until
from workers.events import OutgoingRecord

pytestmark = pytest.mark.broker

PARTITIONS = 4
USERS = [f"user-{number}" for number in range(20)]
CLICKS = 200
# Three windows of the alarm.
BROKEN = 300


def partition_of(user_id: str) -> int:
    """Return where Kafka's default partitioner sends this key."""
    hashed: int = murmur2(user_id.encode())
    return (hashed & 0x7FFFFFFF) % PARTITIONS


def sent_value(number: int) -> bytes:
    """Write click `number`: each user's clicks lie on all partitions."""
    click = {
        "user_id": USERS[number % len(USERS)],
        "item_id": f"item-{number % 30:02}",
        "timestamp_ms": MAY_2024_MS + 1_000 * number,
        "event_id": f"event-{number}",
    }
    return json.dumps(click).encode()


def test_every_click_reaches_its_users_state_and_list(broker: str, tiny_artifact: Artifact, tmp_path: Path) -> None:
    """Clicks keyed by session, or not at all, on any partition: lists and states are on the partition of their user."""
    stream = make_stream(
        broker, tiny_artifact.folder, f"rekey-{uuid.uuid4().hex[:8]}", partitions=PARTITIONS, rekey=True
    )
    topic = stream.settings.clicks_topic
    trace = (("trace", b"\x01"), ("trace", b"\x02"))
    clicks = [
        OutgoingRecord(topic, number * 7 % PARTITIONS, b"session" if number % 2 else None, sent_value(number), trace)
        for number in range(CLICKS)
    ]
    broken = [OutgoingRecord(topic, 1, b"session", b"[%d]" % number, trace) for number in range(BROKEN)]
    stream.send_records(clicks)
    with running_worker(stream, tmp_path) as worker:
        lists = [json.loads(record.value) for record in stream.lists(CLICKS)]
        worker.wait_for_clicks(CLICKS)
        assert worker.metric("nextclick_rekeyed_clicks_total") == CLICKS
        stream.send_records(broken)
        wait_until(lambda: worker.metric("nextclick_dead_letters_total", reason="wrong_shape") == BROKEN)
        wait_until(lambda: "Most clicks are rejected" in worker.log)
        assert worker.log.count("Most clicks are rejected") == 1
        assert worker.clicks() == {"applied": CLICKS, "redelivered": 0, "without_consent": 0, "dead_letter": 0}

    rekeyed = stream.read_all(stream.settings.rekeyed_topic)
    assert Counter(record.value for record in rekeyed) == Counter(click.value for click in clicks)
    for record in rekeyed:
        user_id = json.loads(record.value)["user_id"]
        assert (record.key, record.partition) == (user_id.encode(), partition_of(user_id))
        assert record.headers[:2] == [*trace]
        assert [name for name, _ in record.headers[2:]] == [
            "nextclick.source.topic",
            "nextclick.source.partition",
            "nextclick.source.offset",
        ]
    assert sorted(body["event_id"] for body in lists) == sorted(f"event-{number}" for number in range(CLICKS))
    assert all(body["source"]["topic"] == stream.settings.rekeyed_topic for body in lists)
    assert all(body["source"]["partition"] == partition_of(body["user_id"]) for body in lists)

    states = stream.decoded_states()
    assert {user: state.clicks for user, state in states.items()} == dict.fromkeys(USERS, CLICKS // len(USERS))
    assert all(state.source_partition == partition_of(user) for user, state in states.items())

    letters = stream.read_all(stream.settings.dead_letter_topic)
    assert [(letter.key, letter.value) for letter in letters] == [(b"session", b"[%d]" % n) for n in range(BROKEN)]
    assert {dict(letter.headers)["nextclick.source.topic"].decode() for letter in letters} == {topic}
