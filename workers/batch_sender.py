"""How record batches are sent: nothing is written twice, and nothing is tried any more once its time is over.

A try that was given up may arrive minutes later, behind newer records: a network delivers late, and a broker that hung
reads what it was sent. An old state would then be what compaction keeps. So every batch carries a producer id and a
number (Kafka's idempotent producer), and the broker leaves out what it has already. A broker that gives out no ids is
written to without; the log says so.

The client library tries an idempotent batch for ever. Here each has its time, and can be let go. One that was given up
leaves a gap in its partition's numbers: what follows is sent under a new id. What waits behind it in its partition is
given up with it: a record of the counts topic says that the clicks of those before it are counted.
"""

import asyncio
from collections.abc import Mapping
from itertools import chain
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError, NoError, for_code
from aiokafka.producer.message_accumulator import MessageBatch
from aiokafka.producer.sender import InitPIDHandler, Sender, SendProduceReqHandler
from aiokafka.producer.transaction_manager import TransactionManager
from aiokafka.structs import TopicPartition

log = structlog.get_logger("nextclick")

RETRY_BACKOFF_MS = 100
ALL_IN_SYNC = -1
# The library's own value where there are no transactions.
NO_TRANSACTION_TIMEOUT_MS = 2**31 - 1


def use_batch_sender(producer: AIOKafkaProducer, *, try_timeout_ms: int, timeout_ms: int) -> "BatchSender":
    """Let an idempotent producer that is not started yet send by a `BatchSender`.

    Args:
        producer: Made with `enable_idempotence`.
        try_timeout_ms: For one try; the producer's `request_timeout_ms`.
        timeout_ms: For all tries of a batch together.
    """
    # The library has one time for a try and for all of them: a broker that hangs would get no second one.
    producer._request_timeout_ms = timeout_ms  # noqa: SLF001 - no other way to it, here and below
    producer._message_accumulator._batch_ttl = timeout_ms / 1000  # noqa: SLF001
    producer._sender = BatchSender(  # noqa: SLF001
        producer.client,
        acks=ALL_IN_SYNC,
        txn_manager=producer._txn_manager,  # noqa: SLF001
        message_accumulator=producer._message_accumulator,  # noqa: SLF001
        retry_backoff_ms=RETRY_BACKOFF_MS,
        request_timeout_ms=try_timeout_ms,
    )
    sender: BatchSender = producer._sender  # noqa: SLF001
    return sender


class BatchSender(Sender):  # type: ignore[misc]  # the library has no types
    """Sends batches, one at a time to a partition, each again until it is acknowledged or its time is over."""

    async def start(self) -> None:
        """Get a producer id, or find out that there are none; then begin to send."""
        try:
            await self._maybe_wait_for_pid()
        except KafkaError as refusal:
            log.warning(
                "The broker gives out no producer ids: a write that was given up and arrives late is written again",
                reason=repr(refusal),
            )
            self._number_batches_by(None)
        await super().start()

    def let_go(self) -> None:
        """Try nothing again of what was handed over so far."""
        batches = self._message_accumulator
        for batch in chain(batches._pending_batches, *batches._batches.values()):  # noqa: SLF001
            batch._ttl = 0.0  # noqa: SLF001
        self._give_up_expired()

    async def _maybe_wait_for_pid(self) -> None:
        """Wait until there is an id; the library calls it before it takes batches out of their queues."""
        while True:
            self._give_up_expired()
            if self._txn_manager is None or self._txn_manager.has_pid():
                return
            if not await self._do_init_pid(self.client.get_random_node()):
                await self.client.force_metadata_update()

    async def _do_init_pid(self, node_id: int) -> bool:
        done: bool = await _IdHandler(self).do(node_id)
        return done

    async def _send_produce_req(self, node_id: int, batches: Mapping[TopicPartition, MessageBatch]) -> None:
        """Send one batch a partition; as the library does it, with a handler of ours."""
        await _ProduceHandler(self, batches).do(node_id)
        # Before the next batch of these partitions is numbered.
        failed = [partition for partition, batch in batches.items() if _has_failed(batch)]
        if failed:
            self._number_anew()
        for partition in failed:
            self._give_up_queue(partition)
        self._in_flight.remove(node_id)
        self._muted_partitions.difference_update(batches)

    def _give_up_expired(self) -> None:
        """Fail the batches in the queues whose time is over, and those behind them."""
        for partition, queue in list(self._message_accumulator._batches.items()):  # noqa: SLF001
            if queue and queue[0].expired():
                self._give_up_queue(partition)

    def _give_up_queue(self, partition: TopicPartition) -> None:
        for batch in self._message_accumulator._batches.pop(partition, ()):  # noqa: SLF001
            self._give_up(batch)

    def _give_up(self, batch: MessageBatch) -> None:
        if batch.retry_count:
            # Its callback takes it out of there; and a number was given to it.
            self._message_accumulator._pending_batches.add(batch)  # noqa: SLF001
            self._number_anew()
        batch.failure(KafkaTimeoutError())
        # Looked at: nobody need be waiting for this batch's turn.
        batch._drain_waiter.exception()  # noqa: SLF001

    def _number_anew(self) -> None:
        if self._txn_manager is not None:
            self._number_batches_by(TransactionManager(None, NO_TRANSACTION_TIMEOUT_MS))

    def _number_batches_by(self, numbers: TransactionManager | None) -> None:
        self._txn_manager = numbers
        self._message_accumulator._txn_manager = numbers  # noqa: SLF001


class _IdHandler(InitPIDHandler):  # type: ignore[misc]
    """Asks for a producer id."""

    def handle_response(self, response: Any) -> float | None:  # noqa: ANN401
        """Take the id; return how long to wait before another try.

        Raises:
            KafkaError: If there will be none; the library would log an error of its own.
        """
        error = for_code(response.error_code)
        if error is not NoError and not error.retriable:
            raise error()
        pause_s: float | None = super().handle_response(response)
        return pause_s


class _ProduceHandler(SendProduceReqHandler):  # type: ignore[misc]
    """Takes the answer to a try."""

    def _can_retry(self, error: KafkaError, batch: MessageBatch) -> bool:
        return bool(error.retriable) and not batch.expired()


def _has_failed(batch: MessageBatch) -> bool:
    future: asyncio.Future[object] = batch.future
    return future.done() and future.exception() is not None
