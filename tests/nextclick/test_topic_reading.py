"""A topic's reader finds its true end, whatever the broker says."""

from collections.abc import Callable

import pytest
from kafka import KafkaProducer

from models.errors import TopicError
from nextclick.topic_reading import TopicReader
from workers.kafka_admin import connected_admin

pytestmark = pytest.mark.broker


@pytest.fixture
def topic(broker: str, unique_name: Callable[[str], str]) -> str:
    name = unique_name("read")
    with connected_admin(broker) as admin:
        admin.create_topics({name: {"num_partitions": 2, "replication_factor": 1}}, wait_for_metadata=True)
    return name


def send_batch(broker: str, topic: str, records: int) -> None:
    """Send records to partition 1 as one batch."""
    with KafkaProducer(bootstrap_servers=broker, linger_ms=200) as producer:
        for number in range(records):
            producer.send(topic, b"%d" % number, partition=1)


def test_the_end_lies_behind_the_last_record_of_the_last_batch(broker: str, topic: str) -> None:
    """A batch of 100: the embedded broker calls offset 1 the end when asked; the reader says 100."""
    send_batch(broker, topic, 100)
    with TopicReader(broker, topic) as reader:
        assert reader.seek_to_end() == {0: 0, 1: 100}
        assert reader.poll() == []
        send_batch(broker, topic, 1)
        arrived = next(records for _ in range(50) if (records := reader.poll()))
        assert [(record.partition, record.offset) for record in arrived] == [(1, 100)]
        assert reader.seek_to_end() == {0: 0, 1: 101}


def test_reads_everything_up_to_the_present_end(broker: str, topic: str) -> None:
    """All records, in order, then it ends; an empty topic ends at once."""
    with TopicReader(broker, topic) as reader:
        assert list(reader.read_to_end()) == []
        send_batch(broker, topic, 1000)
        assert [int(record.value) for record in reader.read_to_end()] == list(range(1000))


def test_a_missing_topic_is_named(broker: str, unique_name: Callable[[str], str]) -> None:
    """Opening a reader does not create its topic."""
    name = unique_name("absent")
    with pytest.raises(TopicError, match=f"no topic {name}"):
        TopicReader(broker, name)
