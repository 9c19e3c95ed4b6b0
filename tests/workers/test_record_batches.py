"""The writer while its broker is away: what it tries again, in which order, and when it gives up."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import RequestTimedOutError
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import NewTopic

from models.errors import BrokerError
from workers.events import OutgoingRecord
from workers.kafka_admin import connected_admin
from workers.kafka_security import KafkaSecurity
from workers.ports import BatchAbandoned
from workers.record_batches import TRY_TIMEOUT_MS, RecordBatchWriter

AWAY_S = 0.5


@pytest.fixture
def topic(broker: str, unique_name: Callable[[str], str]) -> str:
    """A topic of one partition."""
    name = unique_name("written")
    with connected_admin(broker) as admin:
        admin.create_topics([NewTopic(name, 1, 1)])
    return name


def record(topic: str, value: bytes) -> OutgoingRecord:
    """A record for the one partition."""
    return OutgoingRecord(topic, 0, b"user", value, ())


@asynccontextmanager
async def started_writer(broker: str, *, request_timeout_s: float) -> AsyncIterator[RecordBatchWriter]:
    """A writer that is connected."""
    writer = RecordBatchWriter(
        broker,
        security=KafkaSecurity(),
        batch_bytes=1 << 14,
        request_bytes=1 << 20,
        request_timeout_ms=int(request_timeout_s * 1000),
        compression=None,
    )
    async with writer:
        yield writer


def take_away(writer: RecordBatchWriter) -> Callable[[], None]:
    """Let every request time out, as on a broker that hangs; return what brings the broker back."""
    client = cast(AIOKafkaProducer, writer._producer).client
    real_send = client.send

    async def timed_out(*_: object, **__: object) -> None:
        await asyncio.sleep(0.05)
        raise RequestTimedOutError

    client.send = timed_out

    def bring_back() -> None:
        client.send = real_send

    return bring_back


def written(broker: str, topic: str, count: int) -> list[bytes]:
    """The values of the topic."""
    consumer = KafkaConsumer(bootstrap_servers=broker, consumer_timeout_ms=5000)
    partition = TopicPartition(topic, 0)
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    values = [read.value for read, _ in zip(consumer, range(count), strict=False)]
    consumer.close()
    return values


def test_records_wait_for_the_broker_and_keep_their_order(broker: str, topic: str) -> None:
    async def write() -> list[int]:
        async with started_writer(broker, request_timeout_s=30) as writer:
            bring_back = take_away(writer)
            sends = [asyncio.ensure_future(writer.send([record(topic, value)])) for value in (b"1", b"2", b"3")]
            await asyncio.sleep(AWAY_S)
            bring_back()
            return [(await (await send))[topic, 0] for send in sends]

    assert asyncio.run(write()) == [0, 1, 2]
    assert written(broker, topic, 3) == [b"1", b"2", b"3"]


def test_a_broker_that_stays_away_is_an_error_that_names_the_partition(broker: str, topic: str) -> None:
    async def write() -> None:
        async with started_writer(broker, request_timeout_s=AWAY_S) as writer:
            take_away(writer)
            await (await writer.send([record(topic, b"1")]))

    with pytest.raises(BrokerError, match=f"1 records for {topic}, partition 0, were not acknowledged"):
        asyncio.run(write())


def test_what_is_let_go_is_not_tried_again(broker: str, topic: str) -> None:
    """Its partitions are another worker's: it was abandoned, and nothing of it arrives behind what comes later."""

    async def write() -> int:
        async with started_writer(broker, request_timeout_s=30) as writer:
            bring_back = take_away(writer)
            abandoned = await writer.send([record(topic, b"old")])
            await asyncio.sleep(AWAY_S)
            writer.let_go()
            with pytest.raises(BatchAbandoned):
                await asyncio.wait_for(abandoned, 2.0)
            bring_back()
            return (await (await writer.send([record(topic, b"new")])))[topic, 0]

    assert asyncio.run(write()) == 0
    assert written(broker, topic, 1) == [b"new"]


def test_one_try_is_shorter_than_all_of_them(broker: str) -> None:
    """A broker that hangs is given up in time for another try."""

    async def limits() -> tuple[float, float]:
        async with started_writer(broker, request_timeout_s=120) as writer:
            producer = cast(AIOKafkaProducer, writer._producer)
            return producer.client._request_timeout_ms, producer._message_accumulator._batch_ttl

    assert asyncio.run(limits()) == (TRY_TIMEOUT_MS, 120.0)
