"""Writes to Kafka in whole record batches: one acknowledgement for many records, not one a record."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder
from mode import Service

from models.errors import BrokerError
from workers.events import OutgoingRecord
from workers.kafka_security import KafkaSecurity

TopicPartition = tuple[str, int]


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

    async def write(self, records: Sequence[OutgoingRecord]) -> Mapping[TopicPartition, int]:
        """Write the records and wait until the broker has acknowledged every one.

        Records of one partition keep their order.

        Returns:
            The offset of the last record written, by topic and partition.

        Raises:
            BrokerError: If any batch was not acknowledged.
        """
        by_partition: dict[TopicPartition, list[OutgoingRecord]] = defaultdict(list)
        for record in records:
            by_partition[record.topic, record.partition].append(record)
        written = await asyncio.gather(*(self._write_partition(*item) for item in by_partition.items()))
        return dict(zip(by_partition, written, strict=True))

    async def _write_partition(self, destination: TopicPartition, records: Sequence[OutgoingRecord]) -> int:
        topic, partition = destination
        if self._producer is None:
            raise BrokerError(f"The producer for {topic} is not started.")
        try:
            sent = [
                (batch.record_count(), await self._producer.send_batch(batch, topic, partition=partition))
                for batch in self._batches(self._producer, records)
            ]
            acknowledged = [(count, await future) for count, future in sent]
        except KafkaError as error:
            raise BrokerError(
                f"{len(records)} records for {topic}, partition {partition}, were not acknowledged: {error!r}."
            ) from error
        last_count, last = acknowledged[-1]
        offset: int = last.offset + last_count - 1
        return offset

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
