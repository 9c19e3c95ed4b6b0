"""Offsets without a record: transactions leave marks there, compaction takes what is older. Apache Kafka alone."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from aiokafka import AIOKafkaProducer

from tests.integration.harness import wait_until
from tests.integration.reference_topic import ReferenceTopic, Seen, by_partition, ends, numbered
from tests.integration.stock_reference import READINGS, BatchReading, Reading, group_of

pytestmark = pytest.mark.kafka

UniqueName: TypeAlias = Callable[[str], str]
COMPACTION_TIMEOUT_S = 90.0


async def read(kind: type[Reading], topic: ReferenceTopic, folder: Path) -> list[Seen]:
    """Read a topic to its end; return what the agent is given."""
    async with kind(topic, group_of(topic, kind), folder) as reading:
        await reading.until_seen(len(topic.records()))
        return reading.seen


async def write_transactions(topic: ReferenceTopic) -> None:
    """Write ten transactions of seven records to each partition; every third is aborted."""
    producer = AIOKafkaProducer(bootstrap_servers=topic.broker, transactional_id=topic.name)
    async with producer:
        for number in range(10):
            await producer.begin_transaction()
            for partition in range(2):
                for record in map(numbered, range(7 * number, 7 * number + 7)):
                    await producer.send(topic.name, record.value, key=record.key, partition=partition)
            await producer.flush()
            await (producer.abort_transaction() if number % 3 == 2 else producer.commit_transaction())


def test_aborted_transactions_never_happened(kafka: str, unique_name: UniqueName, tmp_path: Path) -> None:
    """Their records are left out, and so are the marks; what is committed lies behind the last record that counts.

    Stock Faust is no reference: it reads uncommitted, and is given the aborted records as well.
    """
    topic = ReferenceTopic.make(kafka, unique_name("transactions"), partitions=2)
    asyncio.run(write_transactions(topic))
    expected = topic.records()
    assert len(expected) == 2 * 7 * 7

    came = asyncio.run(read(BatchReading, topic, tmp_path))

    assert by_partition(came) == by_partition(expected)
    # Seven records and a mark each; the last transaction counts.
    assert topic.committed(group_of(topic, BatchReading)) == ends(expected) == {0: 79, 1: 79}


@pytest.mark.slow
def test_a_compacted_topic(kafka: str, unique_name: UniqueName, tmp_path: Path) -> None:
    """What compaction has left comes in order, and everything is committed, in stock Faust as in ours."""
    topic = ReferenceTopic.make(
        kafka,
        unique_name("compacted"),
        partitions=2,
        cleanup_policy="compact",
        segment_ms="100",
        min_cleanable_dirty_ratio="0.01",
    )
    topic.fill({0: 600, 1: 600})
    written = len(topic.records())
    assert written == 1200
    wait_until(lambda: len(topic.records()) < written / 2, COMPACTION_TIMEOUT_S)
    expected = topic.records()

    async def read_by_both() -> list[list[Seen]]:
        return await asyncio.gather(*(read(kind, topic, tmp_path) for kind in READINGS))

    for came in asyncio.run(read_by_both()):
        assert by_partition(came) == by_partition(expected)
    for kind in READINGS:
        assert topic.committed(group_of(topic, kind)) == ends(expected) == {0: 600, 1: 600}
