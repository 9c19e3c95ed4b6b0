"""Writes to Kafka in whole record batches: one acknowledgement for many records, not one a record.

A broker may be away for a while: the client tries a batch again, always before anything that was sent behind it to the
same partition, until it is acknowledged, its time is over, or its partitions are let go. The broker leaves out what
arrives twice (`workers/batch_sender.py`).
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import RecordMetadata
from mode import Service

from models.errors import BrokerError
from workers.batch_sender import BatchSender, use_batch_sender
from workers.events import OutgoingRecord
from workers.kafka_security import KafkaSecurity
from workers.ports import Acknowledgement, BatchAbandoned

log = structlog.get_logger("nextclick")

TopicPartition = tuple[str, int]

# One try: a broker that hangs is given up, its leaderships have moved. Kafka fences a broker that is silent for 9 s.
TRY_TIMEOUT_MS = 20_000
# For what is on its way when the worker stops; a healthy broker has answered by then.
STOP_TIMEOUT_S = 5.0


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
        self._sender: BatchSender | None = None
        self._times_let_go = 0

    async def on_start(self) -> None:
        """Connect."""
        try_timeout_ms = min(TRY_TIMEOUT_MS, self._request_timeout_ms)
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap_servers,
            enable_idempotence=True,
            acks="all",
            max_batch_size=self._batch_bytes,
            max_request_size=self._request_bytes,
            request_timeout_ms=try_timeout_ms,
            compression_type=self._compression,
            **self._security.client_options(),
        )
        self._sender = use_batch_sender(
            self._producer, try_timeout_ms=try_timeout_ms, timeout_ms=self._request_timeout_ms
        )
        try:
            await self._producer.start()
        except BaseException:
            await self._producer.stop()
            raise

    async def on_stop(self) -> None:
        """Disconnect; what is not acknowledged by now is redelivered."""
        if self._producer is None:
            return
        self.let_go()
        try:
            await asyncio.wait_for(self._producer.stop(), STOP_TIMEOUT_S)
        except TimeoutError:
            log.warning("The producer is left as it is, a broker does not answer", seconds=STOP_TIMEOUT_S)

    def let_go(self) -> None:
        """Try nothing again of what was sent so far: its partitions are another worker's, who writes it again.

        What fails from now on was abandoned.
        """
        self._times_let_go += 1
        if self._sender is not None:
            self._sender.let_go()

    async def send(self, records: Sequence[OutgoingRecord]) -> Acknowledgement:
        """Send the records, in their order and behind everything that was sent before.

        Returns:
            Done once the broker has acknowledged every one: the offset of the last, by topic and partition.

        Raises:
            BrokerError: If a batch finds no room within the request timeout.
            BatchAbandoned: If it was let go meanwhile.
        """
        times_let_go = self._times_let_go
        by_partition: dict[TopicPartition, list[OutgoingRecord]] = defaultdict(list)
        for record in records:
            # Topic and partition.
            by_partition[record[:2]].append(record)
        # One partition after the other: where none has to wait, a task each would cost more than the sending.
        sent = [await self._send_partition(*item) for item in by_partition.items()]
        return asyncio.ensure_future(self._acknowledged(by_partition, sent, times_let_go))

    async def _send_partition(self, destination: TopicPartition, records: Sequence[OutgoingRecord]) -> list[_SentBatch]:
        topic, partition = destination
        if self._producer is None:
            raise BrokerError(f"The producer for {topic} is not started.")
        times_let_go, sent = self._times_let_go, []
        with self._named_errors(destination, records, times_let_go):
            for batch in self._batches(self._producer, records):
                if times_let_go != self._times_let_go:
                    raise BatchAbandoned(f"Records for {topic}, partition {partition}, were let go.")
                acknowledgement = await self._producer.send_batch(batch, topic, partition=partition)
                sent.append(_SentBatch(batch.record_count(), acknowledgement))
        return sent

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

    async def _acknowledged(
        self,
        by_partition: Mapping[TopicPartition, Sequence[OutgoingRecord]],
        sent: Sequence[Sequence[_SentBatch]],
        times_let_go: int,
    ) -> Mapping[TopicPartition, int]:
        """Wait for every batch; return the offset of the last record, by topic and partition."""
        newest: dict[TopicPartition, int] = {}
        for (destination, records), batches in zip(by_partition.items(), sent, strict=True):
            with self._named_errors(destination, records, times_let_go):
                for batch in batches:
                    newest[destination] = (await batch.acknowledgement).offset + batch.records - 1
        return newest

    @contextmanager
    def _named_errors(
        self, destination: TopicPartition, records: Sequence[OutgoingRecord], times_let_go: int
    ) -> Iterator[None]:
        """Turn the client's errors into ours, which says where to the records were on their way."""
        try:
            yield
        except KafkaError as error:
            topic, partition = destination
            if times_let_go != self._times_let_go:
                raise BatchAbandoned(f"Records for {topic}, partition {partition}, were let go.") from error
            raise BrokerError(
                f"{len(records)} records for {topic}, partition {partition}, were not acknowledged: {error!r}."
            ) from error


def _append(batch: BatchBuilder, record: OutgoingRecord) -> bool:
    """Append a record; False where the batch is full. An empty batch takes a record of any size."""
    return batch.append(timestamp=None, key=record.key, value=record.value, headers=list(record.headers)) is not None
