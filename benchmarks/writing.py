"""Writes many records fast: whole record batches, all partitions at once."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from aiokafka import AIOKafkaProducer

BATCH_BYTES = 1 << 19
REQUEST_TIMEOUT_MS = 60_000


class Record(NamedTuple):
    """A record for a given partition."""

    partition: int
    key: bytes
    value: bytes


async def write_records(bootstrap_servers: str, topic: str, records: Iterable[Record]) -> None:
    """Write the records, each partition's in their order, and wait until the broker has acknowledged every one."""
    by_partition: dict[int, list[Record]] = defaultdict(list)
    for record in records:
        by_partition[record.partition].append(record)
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap_servers,
        acks="all",
        max_batch_size=BATCH_BYTES,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
    )
    async with producer:
        await asyncio.gather(*(_write(producer, topic, *item) for item in by_partition.items()))


async def _write(producer: AIOKafkaProducer, topic: str, partition: int, records: Sequence[Record]) -> None:
    batch = producer.create_batch()
    acknowledgements = []
    for record in records:
        if batch.append(timestamp=None, key=record.key, value=record.value) is None:
            acknowledgements.append(await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            batch.append(timestamp=None, key=record.key, value=record.value)
    acknowledgements.append(await producer.send_batch(batch, topic, partition=partition))
    await asyncio.gather(*acknowledgements)
