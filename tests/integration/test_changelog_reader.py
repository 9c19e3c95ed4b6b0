"""The changelog reader against brokers: true ends, whole fetches, and offsets that hold no record."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
from aiokafka import AIOKafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from models.errors import TopicError
from workers.changelog_reader import ChangelogReader, ChangelogSpan
from workers.kafka_security import KafkaSecurity

pytestmark = pytest.mark.broker


def make_topic(broker: str, name: str) -> str:
    """Make a topic of two partitions."""
    admin = KafkaAdminClient(bootstrap_servers=broker)
    admin.create_topics([NewTopic(name, 2, 1)])
    admin.close()
    return name


async def write(broker: str, topic: str, count: int, **options: object) -> None:
    """Write records to partition 0, whole batches; in one transaction where a transactional id is given."""
    async with AIOKafkaProducer(bootstrap_servers=broker, linger_ms=50, **options) as producer:
        if "transactional_id" in options:
            async with producer.transaction():
                await asyncio.gather(*[await producer.send(topic, b"%d" % number, b"u", 0) for number in range(count)])
        else:
            await asyncio.gather(*[await producer.send(topic, b"%d" % number, b"u", 0) for number in range(count)])


async def read(
    broker: str, topic: str, newest_offsets: Mapping[int, int | None]
) -> tuple[Mapping[int, ChangelogSpan], list[int]]:
    """Read to the ends; return what there was to read and the offsets of partition 0 that were read."""
    offsets: list[int] = []
    reader = ChangelogReader(broker, topic, security=KafkaSecurity())
    async with reader:
        spans = await reader.assign(newest_offsets)
        while any([await reader.position(partition) < span.end for partition, span in spans.items()]):
            fetched = await reader.fetch(max_records=40, timeout_s=0.2)
            assert sum(map(len, fetched.values())) <= 40
            offsets += [record.offset for record in fetched.get(0, ())]
    return spans, offsets


def test_every_record_is_read_up_to_the_true_end(broker: str, unique_name: Callable[[str], str]) -> None:
    """The last batch too, of which the embedded broker's end names only the first record."""
    topic = make_topic(broker, unique_name("changelog"))

    async def run() -> None:
        await write(broker, topic, 300)
        spans, offsets = await read(broker, topic, {0: None, 1: None})
        assert spans == {0: ChangelogSpan(0, 300, b"299"), 1: ChangelogSpan(0, 0)}
        assert offsets == list(range(300))

    asyncio.run(run())


def test_reading_goes_on_behind_what_is_known(broker: str, unique_name: Callable[[str], str]) -> None:
    """Nothing twice; where all is known there is nothing to read."""
    topic = make_topic(broker, unique_name("changelog"))

    async def run() -> None:
        await write(broker, topic, 100)
        assert await read(broker, topic, {0: 96}) == ({0: ChangelogSpan(97, 100, b"99")}, [97, 98, 99])
        assert await read(broker, topic, {0: 99}) == ({0: ChangelogSpan(100, 100, b"99")}, [])

    asyncio.run(run())


def test_what_is_known_cannot_lie_behind_the_end(broker: str, unique_name: Callable[[str], str]) -> None:
    """The changelog was made again: its offsets mean other records."""
    topic = make_topic(broker, unique_name("changelog"))

    async def run() -> None:
        await write(broker, topic, 10)
        with pytest.raises(
            TopicError, match=r"partition 0 are of changelog offset 10, but .* ends at 10: it was deleted"
        ):
            await read(broker, topic, {0: 10})

    asyncio.run(run())


@pytest.mark.kafka
def test_a_transactions_marker_at_the_end_is_passed_over(kafka: str, unique_name: Callable[[str], str]) -> None:
    """The last offset holds no record; the position passes it, nobody waits for it."""
    topic = make_topic(kafka, unique_name("changelog"))

    async def run() -> None:
        await write(kafka, topic, 50, transactional_id=topic)
        async with asyncio.timeout(20):
            # The broker writes the marker after it has acknowledged the commit.
            while (read_to_end := await read(kafka, topic, {0: None})) == ({0: ChangelogSpan(0, 0)}, []):
                pass
        assert read_to_end == ({0: ChangelogSpan(0, 51)}, list(range(50)))

    asyncio.run(run())
