"""Writes to Kafka in whole record batches: one acknowledgement for many records, not one a record."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import RecordMetadata
from mode import Service

from models.errors import BrokerError
from workers.events import OutgoingRecord
from workers.kafka_security import KafkaSecurity
from workers.ports import Acknowledgement

TopicPartition = tuple[str, int]


class _SentBatch(NamedTuple):
    records: int
    acknowledgement: Awaitable[RecordMetadata]


class RecordBatchWriter(Service):
    """A Kafka producer that fills record batches itself.

    Args:
        bootstrap_servers: Brokers, comma separated.
        security: How to talk to them.
        batch_bytes: Size at which a batch is closed; a larger record gets a batch of its own.
        request_bytes: Largest record; above the click topic's limit, or a record of that size could not be
            dead-lettered.
        request_timeout_ms: How long the broker may take to acknowledge, retries included.
        compression: Codec of the batches; None: they are written as they are.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        *,
        security: KafkaSecurity,
        batch_bytes: int,
        request_bytes: int,
        request_timeout_ms: int,
        compression: str | None,
    ) -> None:
        super().__init__()
        self._bootstrap_servers = bootstrap_servers
        self._security = security
        self._batch_bytes = batch_bytes
        self._request_bytes = request_bytes
        self._request_timeout_ms = request_timeout_ms
        self._compression = compression
        self._producer: AIOKafkaProducer | None = None

    async def on_start(self) -> None:
        """Connect."""
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap_servers,
            acks="all",
            max_batch_size=self._batch_bytes,
            max_request_size=self._request_bytes,
            request_timeout_ms=self._request_timeout_ms,
            compression_type=self._compression,
            **self._security.client_options(),
        )
        await self._producer.start()

    async def on_stop(self) -> None:
        """Disconnect."""
        if self._producer is not None:
            await self._producer.stop()

    async def send(self, records: Sequence[OutgoingRecord]) -> Acknowledgement:
        """Send the records, in their order and behind everything that was sent before.

        Returns:
            Done once the broker has acknowledged every one: the offset of the last, by topic and partition.

        Raises:
            BrokerError: If a batch finds no room within the request timeout.
        """
        by_partition: dict[TopicPartition, list[OutgoingRecord]] = defaultdict(list)
        for record in records:
            # Topic and partition.
            by_partition[record[:2]].append(record)
        sent = await asyncio.gather(*(self._send_partition(*item) for item in by_partition.items()))
        return asyncio.ensure_future(_acknowledged(by_partition, sent))

    async def _send_partition(self, destination: TopicPartition, records: Sequence[OutgoingRecord]) -> list[_SentBatch]:
        topic, partition = destination
        if self._producer is None:
            raise BrokerError(f"The producer for {topic} is not started.")
        with _named_errors(destination, records):
            return [
                _SentBatch(batch.record_count(), await self._producer.send_batch(batch, topic, partition=partition))
                for batch in self._batches(self._producer, records)
            ]

    def _batches(self, producer: AIOKafkaProducer, records: Sequence[OutgoingRecord]) -> Iterator[BatchBuilder]:
        batch = producer.create_batch()
        for record in records:
            if not _append(batch, record):
                batch.close()
                yield batch
                batch = producer.create_batch()
                _append(batch, record)
        batch.close()
        yield batch


def _append(batch: BatchBuilder, record: OutgoingRecord) -> bool:
    """Append a record; False where the batch is full. An empty batch takes a record of any size."""
    return batch.append(timestamp=None, key=record.key, value=record.value, headers=list(record.headers)) is not None


async def _acknowledged(
    by_partition: Mapping[TopicPartition, Sequence[OutgoingRecord]], sent: Sequence[Sequence[_SentBatch]]
) -> Mapping[TopicPartition, int]:
    """Wait for every batch; return the offset of the last record, by topic and partition."""
    newest: dict[TopicPartition, int] = {}
    for (destination, records), batches in zip(by_partition.items(), sent, strict=True):
        with _named_errors(destination, records):
            for batch in batches:
                newest[destination] = (await batch.acknowledgement).offset + batch.records - 1
    return newest


@contextmanager
def _named_errors(destination: TopicPartition, records: Sequence[OutgoingRecord]) -> Iterator[None]:
    """Turn the client's errors into ours, which says where to the records were on their way."""
    try:
        yield
    except KafkaError as error:
        topic, partition = destination
        raise BrokerError(
            f"{len(records)} records for {topic}, partition {partition}, were not acknowledged: {error!r}."
        ) from error
