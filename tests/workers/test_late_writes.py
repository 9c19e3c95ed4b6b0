"""A try that was given up arrives all the same, after newer records: Kafka leaves it out."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from aiokafka.cluster import ClusterMetadata
from aiokafka.structs import BrokerMetadata
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import NewTopic

from tests.late_network import LateNetwork
from workers import record_batches
from workers.events import OutgoingRecord
from workers.kafka_admin import connected_admin, parse_bootstrap_servers
from workers.kafka_security import KafkaSecurity
from workers.record_batches import RecordBatchWriter

pytestmark = [pytest.mark.broker, pytest.mark.kafka]

TRY_TIMEOUT_MS = 1_000


@pytest.fixture
def topic(kafka: str, unique_name: Callable[[str], str]) -> str:
    """A topic of one partition."""
    name = unique_name("late")
    with connected_admin(kafka) as admin:
        admin.create_topics([NewTopic(name, 1, 1)])
    return name


@contextmanager
def led_through(port: int) -> Iterator[None]:
    """Let every client of this process reach its brokers at a port of this machine."""
    find = ClusterMetadata.broker_metadata

    def redirect(cluster: ClusterMetadata, node: int) -> BrokerMetadata:
        return find(cluster, node)._replace(host="127.0.0.1", port=port)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ClusterMetadata, "broker_metadata", redirect)
        yield


def values(broker: str, topic: str) -> list[bytes]:
    """The values of the topic, to its end."""
    consumer = KafkaConsumer(bootstrap_servers=broker, consumer_timeout_ms=2_000)
    partition = TopicPartition(topic, 0)
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    read = [record.value for record in consumer]
    consumer.close()
    return read


async def write_through_a_late_network(kafka: str, topic: str) -> None:
    """Send 0; send 1, whose first try comes late; send 2; then that try arrives."""
    network = LateNetwork(*parse_bootstrap_servers(kafka)[0])
    writer = RecordBatchWriter(
        kafka,
        security=KafkaSecurity(),
        batch_bytes=1 << 14,
        request_bytes=1 << 20,
        request_timeout_ms=30_000,
        compression=None,
    )

    async def write(value: bytes) -> None:
        await (await writer.send([OutgoingRecord(topic, 0, b"user", value, ())]))

    async with network.relay() as port:
        with led_through(port):
            async with writer:
                await write(b"0")
                network.hold()
                await write(b"1")
                await write(b"2")
                await network.deliver()


def test_a_try_that_arrives_behind_newer_records_is_not_written(
    kafka: str, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A state behind a newer one would be what compaction keeps."""
    monkeypatch.setattr(record_batches, "TRY_TIMEOUT_MS", TRY_TIMEOUT_MS)
    asyncio.run(write_through_a_late_network(kafka, topic))
    assert values(kafka, topic) == [b"0", b"1", b"2"]
