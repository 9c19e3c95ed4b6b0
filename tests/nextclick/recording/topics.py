"""Topics of a test's own, filled with records as they are."""

from collections.abc import Iterable
from threading import Event

from nextclick.exact_records import ExactName
from nextclick.record_sending import Pace, RecordSender, RecordToSend, click_producer
from nextclick.recording.records import RecordedRecord
from nextclick.recording.selection import Selection
from nextclick.recording.topic_source import TopicSource
from workers.kafka_admin import connected_admin


def create_topic(broker: str, name: str, partitions: int = 2, **configs: str) -> str:
    """Make a topic; return its name."""
    with connected_admin(broker) as admin:
        admin.create_topics(
            {name: {"num_partitions": partitions, "replication_factor": 1, "configs": configs}}, wait_for_metadata=True
        )
    return name


def send_records(broker: str, topic: str, records: Iterable[RecordedRecord]) -> None:
    """Send records to their partitions with their timestamps, and wait for every acknowledgement."""
    sender = RecordSender(click_producer(broker), topic, Event())
    with sender.producer:
        for record in records:
            headers = [(ExactName.of(name), value) for name, value in record.headers]
            sender.send(RecordToSend(record.key, record.value, record.partition, headers, record.timestamp_ms))
        sender.producer.flush()
    assert sender.report(Pace(), stopped=False).failed == 0


def read_topic(broker: str, topic: str, selection: Selection | None = None) -> list[RecordedRecord]:
    """Read a topic up to its present end."""
    with TopicSource(broker, topic) as source:
        return list(source.records(selection or Selection()))
