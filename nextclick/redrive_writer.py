"""Writes clicks and their marks to Kafka, both or neither where the broker has transactions."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import IllegalOperation, KafkaError, ProducerFenced, UnknownError, UnsupportedVersionError
from aiokafka.producer.message_accumulator import BatchBuilder

from models.errors import BrokerError
from nextclick.record_sending import BATCH_BYTES, REQUEST_TIMEOUT_MS
from workers.events import OutgoingRecord
from workers.kafka_admin import no_answer
from workers.record_sizes import DEAD_LETTER_BYTES
from workers.settings import Settings

# A run that is killed in a transaction holds up the workers behind it until the broker gives it up.
TRANSACTION_TIMEOUT_MS = 10_000
# Where nobody has configured logging, Python prints a library's warnings: what a command has to say it says itself.
logging.getLogger("aiokafka").addHandler(logging.NullHandler())
# It leaves a refusal with futures, too, that nobody waits for: asyncio would print a traceback for each.
logging.getLogger("asyncio").addFilter(
    lambda line: not (line.exc_info is not None and isinstance(line.exc_info[1], ProducerFenced))
)


class RedriveWriter:
    """A producer for clicks that are sent again; aiokafka's, because kafka-python cannot write a header without value.

    Entering the block ends what an earlier run left open: its transaction is aborted, and where it still runs it can
    write nothing more.

    Args:
        settings: Names the brokers and the dead-letter topic, whose redrives exclude each other.

    Attributes:
        transactional: Whether the broker has transactions; known once the block is entered.

    Raises:
        BrokerError: On entering, if no broker answers.
    """

    def __init__(self, settings: Settings) -> None:
        self.transactional = False
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None

    async def __aenter__(self) -> Self:
        try:
            self._producer, self.transactional = await self._connect()
        except (KafkaError, OSError) as error:
            raise BrokerError(no_answer(self._settings.bootstrap_servers)) from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._producer is not None:
            await self._producer.stop()

    async def write(self, clicks: Sequence[OutgoingRecord], marks: Sequence[OutgoingRecord]) -> None:
        """Write clicks and their marks, in this order, and wait for every acknowledgement.

        Raises:
            BrokerError: If not all were acknowledged. With transactions, a worker then sees none of them; without, the
                clicks may be there without their marks.
        """
        producer = self._started()
        try:
            if self.transactional:
                async with producer.transaction():
                    await self._send(producer, [*clicks, *marks])
            else:
                await self._send(producer, clicks)
                await self._send(producer, marks)
        except ProducerFenced as error:
            raise BrokerError(
                f"Another redrive of {self._settings.dead_letter_topic} has begun and goes on with what was left: "
                "run one at a time."
            ) from error
        except (KafkaError, IllegalOperation, TimeoutError) as error:
            raise BrokerError(
                f"{len(clicks)} records of {self._settings.dead_letter_topic} were not sent again ({error!r}): "
                "run the same command once more, it goes on where this one stopped."
            ) from error

    async def _connect(self) -> tuple[AIOKafkaProducer, bool]:
        producer = self._make_producer(
            transactional_id=f"nextclick-redrive-{self._settings.dead_letter_topic}",
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
        )
        try:
            return await _connected(producer), True
        except (UnknownError, UnsupportedVersionError):
            # The embedded broker names the requests of a transaction among those it knows, and answers none of them.
            return await _connected(self._make_producer()), False

    def _make_producer(
        self, transactional_id: str | None = None, transaction_timeout_ms: int | None = None
    ) -> AIOKafkaProducer:
        timeout = {} if transaction_timeout_ms is None else {"transaction_timeout_ms": transaction_timeout_ms}
        return AIOKafkaProducer(
            bootstrap_servers=self._settings.bootstrap_servers,
            acks="all",
            max_batch_size=BATCH_BYTES,
            max_request_size=DEAD_LETTER_BYTES,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            transactional_id=transactional_id,
            **timeout,
            **self._settings.kafka_security.client_options(),
        )

    async def _send(self, producer: AIOKafkaProducer, records: Sequence[OutgoingRecord]) -> None:
        by_partition: dict[tuple[str, int], list[OutgoingRecord]] = defaultdict(list)
        for record in records:
            by_partition[record.topic, record.partition].append(record)
        batches = [(place, batch) for place, written in by_partition.items() for batch in _batches(producer, written)]
        acknowledgements = []
        try:
            for (topic, partition), batch in batches:
                acknowledgement = await producer.send_batch(batch, topic, partition=partition)
                acknowledgements.append(acknowledgement)
        except IllegalOperation:
            # The transaction has ended under what was sent before; what became of that says why.
            await asyncio.gather(*acknowledgements)
            raise
        await asyncio.gather(*acknowledgements)

    def _started(self) -> AIOKafkaProducer:
        if self._producer is None:
            raise BrokerError("The producer is not started: enter its `with` block first.")
        return self._producer


async def _connected(producer: AIOKafkaProducer) -> AIOKafkaProducer:
    """Start a producer, or leave nothing of it open."""
    try:
        await producer.start()
    except BaseException:
        await producer.stop()
        raise
    return producer


def _batches(producer: AIOKafkaProducer, records: Sequence[OutgoingRecord]) -> Iterator[BatchBuilder]:
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
