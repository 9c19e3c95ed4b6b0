"""Faust's Kafka transport with offsets that move for whole micro-batches: the one place that knows Faust's internals.

Stock Faust acknowledges every event by itself, also an event that a rebalance made it skip; its offset may then be
committed although nobody has processed it. Here the agent says which offsets are done, and nothing else moves them.
The click topic is declared with `acks=False`, so Faust's own bookkeeping leaves it alone.

Registered for the URL scheme `nextclick://` by the entry point group `faust.transports`.
"""

import asyncio
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import cast

import aiokafka
import faust
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, AppT

from workers.ports import BatchAbandoned
from workers.settings import Settings

# A batch in flight gets this long to finish when its partitions are taken away or the worker stops. Above any broker's
# normal answer, far below the rebalance timeout.
DRAIN_TIMEOUT_S = 10.0
# A partition's last record may be gone, compacted or deleted: then nothing comes, and the named end holds.
LAST_BATCH_TIMEOUT_S = 1.0


class StreamingApp(faust.App):
    """A Faust app over this transport."""

    settings: Settings

    def _create_directories(self) -> None:
        """Make none: Faust would keep its own tables there, ours have a folder of their own."""

    @property
    def batch_consumer(self) -> "BatchConsumer":
        """The app's consumer, by its own type."""
        return cast(BatchConsumer, self.consumer)


class BatchInFlight:
    """One micro-batch between its fetch and its commit; the pipeline's `Ownership`.

    Args:
        app: Whose consumer fetched it.
        generation: The consumer generation that it was fetched in.
    """

    def __init__(self, app: AppT, generation: int) -> None:
        self._app = app
        self._generation = generation
        self.revoked = False
        self.next_offsets: dict[TP, int] = {}

    @property
    def is_owned(self) -> bool:
        """Whether no rebalance has taken the batch away."""
        return not self.revoked and self._app.consumer_generation_id == self._generation

    def require(self, partitions: Collection[int]) -> None:
        """Return if the batch is still owned.

        Raises:
            BatchAbandoned: If it is not.
        """
        if not self.is_owned:
            raise BatchAbandoned(f"Partitions {sorted(partitions)} moved while a batch of them was in flight.")

    def done(self, next_offsets: Mapping[TP, int]) -> None:
        """Say that every record of the batch is processed: these offsets may be committed."""
        self.next_offsets.update(next_offsets)


class BatchConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that talks to Kafka."""

    def _create_worker_consumer(self, transport: driver.Transport) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        # Faust hard-codes 1500 ms. A broker that does not wake a waiting fetch then adds half of it to every click.
        if not hasattr(consumer, "_fetch_max_wait_ms"):
            raise RuntimeError("aiokafka has renamed _fetch_max_wait_ms: update workers/transport.py.")
        consumer._fetch_max_wait_ms = cast(StreamingApp, self.app).settings.fetch_wait_ms  # noqa: SLF001
        return consumer

    async def _highwaters(self, partitions: Collection[TP]) -> Mapping[TP, int]:
        """Return the end of each partition, as a fetch tells it.

        The embedded broker, asked for the end, names the offset behind the FIRST record of the last batch; a restore up
        to there would lose states. The batch itself tells the truth: the record before the named end is fetched, which
        on Apache Kafka is there at once and changes nothing. Faust seeks to where it wants to read afterwards.
        """
        consumer = self._ensure_consumer()
        ends = dict(await consumer.end_offsets(partitions))
        waiting = {tp for tp, end in ends.items() if end > 0}
        for tp in waiting:
            consumer.seek(tp, ends[tp] - 1)
        deadline = time.monotonic() + LAST_BATCH_TIMEOUT_S
        while waiting and time.monotonic() < deadline:
            fetched = await consumer.getmany(*waiting, timeout_ms=20)
            for tp, records in fetched.items():
                ends[tp] = max(ends[tp], records[-1].offset + 1)
                waiting.discard(tp)
        return ends


class BatchConsumer(driver.Consumer):
    """A consumer whose offsets are moved by whole micro-batches alone."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._next_offsets: dict[TP, int] = {}
        # Newest offset that may be or was committed, of partitions that have had a batch in this generation.
        self._processed: dict[TP, int] = {}
        self._in_flight: set[BatchInFlight] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    def _new_consumer_thread(self) -> BatchConsumerThread:
        return BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)

    @contextmanager
    def batch_in_flight(self) -> Iterator[BatchInFlight]:
        """Have a micro-batch in flight: a rebalance and a shutdown wait until the block is left.

        Offsets move only where `done` was called in the block and the batch is still owned at its end.
        """
        batch = BatchInFlight(self.app, self.app.consumer_generation_id)
        self._in_flight.add(batch)
        self._idle.clear()
        try:
            yield batch
            if batch.is_owned:
                self._next_offsets.update(batch.next_offsets)
                self._processed.update(batch.next_offsets)
        finally:
            self._in_flight.discard(batch)
            if not self._in_flight:
                self._idle.set()

    async def lag(self, tp: TP) -> int:
        """Return how many records of a partition are not processed yet."""
        highwater = self.highwater(tp) or 0
        processed = self._processed.get(tp)
        if processed is None:
            processed = await self.position(tp) or 0
        return max(0, highwater - processed)

    async def wait_empty(self) -> None:
        """Wait until no batch is in flight, then commit; Faust calls it before it lets go of partitions.

        A batch that takes longer than `DRAIN_TIMEOUT_S` loses its right to be written.
        """
        try:
            await asyncio.wait_for(self._idle.wait(), DRAIN_TIMEOUT_S)
        except TimeoutError:
            for batch in self._in_flight:
                batch.revoked = True
            self.log.warning("A batch did not finish in %s s: it is abandoned and redelivered.", DRAIN_TIMEOUT_S)
        await self.commit()

    async def force_commit(
        self,
        topics: object = None,  # noqa: ARG002 - Faust's signature
        start_new_transaction: bool = True,  # noqa: ARG002
    ) -> bool:
        """Commit what finished batches allow."""
        offsets, self._next_offsets = self._next_offsets, {}
        if not offsets:
            return False
        return await self._commit(offsets)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Forget what was not committed: after the callback another worker goes on from the committed offsets."""
        await super().on_partitions_revoked(revoked)
        for tp in revoked:
            self._next_offsets.pop(tp, None)
            self._processed.pop(tp, None)


class Transport(driver.Transport):
    """Faust's aiokafka transport with `BatchConsumer`."""

    Consumer = BatchConsumer
