"""Faust's consumer with whole fetched batches as events, and offsets that move for whole micro-batches.

Stock Faust delivers record by record, and three of its habits lose clicks:

- It acknowledges every event by itself, also one that a rebalance made it skip: its offset may then be committed
  although nobody has processed it. Here the agent says which offsets are done, and nothing else moves them; the click
  topics are declared with `acks=False`, so Faust's own bookkeeping leaves them alone.
- After a restore it lets the click partitions flow first and seeks them to their committed offsets second. What was
  fetched before the seek is still being delivered after it, moves the read offset past what the seek brings again, and
  that is then dropped as old. Here nothing flows from the seek until Faust resumes the flow, and what was fetched
  before a seek is of an older era, which the agent leaves out: the seek brings it again.
- A fetched record whose partition was paused meanwhile is dropped, and so is what a seek by hand brings again. Here a
  partition goes back to what was not delivered, and to nothing that was fetched before somebody sought.
"""

import abc
import asyncio
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import cast

from aiokafka import ConsumerRecord
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, AppT
from faust.types.transports import TPorTopicSet
from mode.types import ServiceT

from workers.batch_in_flight import BatchInFlight
from workers.fetched_records import Era, FetchedRecords, batch_message
from workers.partition_progress import PartitionProgress, room
from workers.session_lease import SessionLease
from workers.streaming_app import StreamingApp

# A batch in flight gets this long to finish when its partitions are taken away or the worker stops. Above any broker's
# normal answer, far below the rebalance timeout.
DRAIN_TIMEOUT_S = 10.0
# How long a fetch may wait for news in our hands; a seek waits for it.
FETCH_TIMEOUT_S = 0.25
# How often to look again whether stock agents have finished what they are at.
ACK_POLL_S = 0.05
# How often to look again while no partition may be fetched from.
NO_PARTITIONS_PAUSE_S = 0.05


class BatchConsumer(driver.Consumer):
    """A consumer that delivers whole batches, and whose offsets are moved by whole micro-batches alone."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._progress = PartitionProgress(room(cast(StreamingApp, self.app).settings))
        self._in_flight: set[BatchInFlight] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        # Held while records are fetched and while positions are sought, so that neither comes between the other.
        self._position_lock = asyncio.Lock()
        self._seeks = 0
        # Of the last fetch: where each partition goes on whose records have not all reached their streams.
        self._undelivered: dict[TP, int] = {}
        self._fetched_in = self.era

    @property
    def lease(self) -> SessionLease:
        """How long the partitions are surely ours; the transport's consumer knows."""
        raise NotImplementedError

    @property
    def era(self) -> Era:
        """The present era."""
        return Era(self.app.consumer_generation_id, self._seeks)

    # ---- fetch and deliver

    async def _drain_messages(self, fetcher: ServiceT) -> None:
        """Fetch and deliver until the fetcher is stopped; Faust runs it in a task of its own."""
        try:
            while not (self.should_stop or fetcher.should_stop):
                await self._fetch_and_deliver()
                # A delivery that does not have to wait never gives the event loop a turn.
                await asyncio.sleep(0)
        except self.consumer_stopped_errors:
            if not self.app.should_stop:
                raise
        except asyncio.CancelledError:
            if not self.app.should_stop:
                raise

    async def _fetch_and_deliver(self) -> None:
        if not self.flow_active:
            await self.wait(self.can_resume_flow.wait())
            return
        if self._progress.is_full:
            if not await self._progress.moves(FETCH_TIMEOUT_S):
                await self._stay_member()
            return
        async with self._position_lock:
            await self._go_back()
            # Read inside: a seek may have been waited for.
            era = self._fetched_in = self.era
            fetched = await self._fetch()
            self._undelivered = {tp: records[0].offset for tp, records in fetched.items()}
        if fetched:
            await self._until_suspended(self._deliver(fetched, era))

    async def _until_suspended(self, delivery: Coroutine[object, object, None]) -> None:
        """Deliver, but do not wait for room in a queue once the flow is suspended."""
        delivering = asyncio.ensure_future(delivery)
        try:
            # Where no queue is full it is done in its first turn: to wait for several things takes a task for each.
            await asyncio.sleep(0)
            if not delivering.done():
                await self.wait_first(delivering, self.suspend_flow.wait())
            if delivering.done() and not delivering.cancelled():
                delivering.result()
        finally:
            delivering.cancel()

    async def _fetch(self) -> Mapping[TP, Sequence[ConsumerRecord]]:
        """Return what has arrived of the partitions that may be fetched from; nothing where there are none."""
        # A copy: the set changes while the thread that fetches reads it.
        active = set(self._get_active_partitions())
        if not active:
            # An empty set would mean all partitions to aiokafka.
            await self._stay_member()
            await asyncio.sleep(NO_PARTITIONS_PAUSE_S)
            return {}
        fetched: Mapping[TP, Sequence[ConsumerRecord]] = await self._getmany(active, FETCH_TIMEOUT_S)
        return fetched

    @abc.abstractmethod
    async def _stay_member(self) -> None:
        """Count as alive while there is nothing to fetch."""

    async def _deliver(self, fetched: Mapping[TP, Sequence[ConsumerRecord]], era: Era) -> None:
        """Hand a fetch to its streams, but for what a rebalance, a pause or a seek has come before."""
        batch_topics = cast(StreamingApp, self.app).batch_topics
        for topic in {tp.topic for tp in fetched} & batch_topics:
            await self._deliver_batches({tp: fetched[tp] for tp in fetched if tp.topic == topic}, era)
        for tp in (tp for tp in fetched if tp.topic not in batch_topics):
            await self._deliver_each(tp, fetched[tp], era)

    async def _deliver_batches(self, batches: Mapping[TP, Sequence[ConsumerRecord]], era: Era) -> None:
        """Deliver what came of a batch topic as one event."""
        deliverable = {tp: records for tp, records in batches.items() if self._is_deliverable(tp, era)}
        if not deliverable:
            return
        for tp, records in deliverable.items():
            self.app.monitor.track_tp_end_offset(tp, self.highwater(tp))
            # Before the era can end: what is noted later would be noted of the next one.
            self._progress.deliver(tp, records[0].offset, records[-1].offset + 1)
        await self.callback(batch_message(FetchedRecords(deliverable, era)))
        for tp in deliverable:
            self._undelivered.pop(tp, None)

    async def _deliver_each(self, tp: TP, records: Sequence[ConsumerRecord], era: Era) -> None:
        """Deliver record by record, as stock Faust does: changelogs, and whatever other agents read."""
        if self._is_deliverable(tp, era):
            self.app.monitor.track_tp_end_offset(tp, self.highwater(tp))
        for record in records:
            if not self._is_deliverable(tp, era):
                return
            read_offset = self._read_offset[tp]
            if read_offset is not None and record.offset < read_offset:
                continue
            if read_offset and record.offset - read_offset > 1 and self.app.topics.acks_enabled_for(tp.topic):
                await self._add_gap(tp, read_offset + 1, record.offset - 1)
            if self._commit_every is not None and self._n_acked >= self._commit_every:
                self._n_acked = 0
                await self.commit()
            await self.callback(self._to_message(tp, record))
            if not self._is_next(tp, era):
                return
            self._read_offset[tp] = record.offset
            self._undelivered[tp] = record.offset + 1
        self._undelivered.pop(tp, None)

    def _is_deliverable(self, tp: TP, era: Era) -> bool:
        """Whether what was fetched may be delivered: the partition has not been paused, nor the flow stopped."""
        is_read = tp in self._get_active_partitions() or tp in self._buffered_partitions
        return is_read and self.flow_active and self._is_next(tp, era)

    def _is_next(self, tp: TP, era: Era) -> bool:
        """Whether the partition goes on with what was fetched: nobody has sought since."""
        return era == self.era and tp in self._undelivered

    # ---- seek

    async def _go_back(self) -> None:
        """Seek to what was fetched and not delivered; after a rebalance the committed offsets bring it."""
        if self._fetched_in == self.era and self.flow_active:
            for tp, offset in self._undelivered.items():
                await super().seek(tp, offset)

    async def seek(self, partition: TP, offset: int) -> None:
        """Go on at an offset: nothing that was fetched before reaches the streams from now on."""
        async with self._position_lock:
            self._undelivered.pop(partition, None)
            await super().seek(partition, offset)

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """Do the same for several partitions; Faust's recovery calls it."""
        async with self._position_lock:
            for tp in partitions:
                self._undelivered.pop(tp, None)
            await super().seek_wait(partitions)

    async def perform_seek(self) -> None:
        """Seek every partition to its committed offset; nothing is delivered until Faust resumes the flow.

        Faust calls it at the end of a rebalance, and resumes the flow right after it.
        """
        self.stop_flow()
        async with self._position_lock:
            self._seeks += 1
            self._progress.begin_again()
            await super().perform_seek()

    # ---- batches in flight and their offsets

    @contextmanager
    def batch_in_flight(self) -> Iterator[BatchInFlight]:
        """Have a micro-batch in flight: a rebalance and a shutdown wait until the block is left.

        Offsets move only where `done` was called in the block and the batch is still owned at its end. One that begins
        while the flow is stopped was taken from the queue too late to be waited for, and is not owned from the start.
        """
        batch = BatchInFlight(self.app, self.app.consumer_generation_id, self.lease)
        batch.revoked = not self.flow_active
        self._in_flight.add(batch)
        self._idle.clear()
        try:
            yield batch
            if batch.is_owned:
                self._progress.process(batch.next_offsets)
        finally:
            self._in_flight.discard(batch)
            if not self._in_flight:
                self._idle.set()

    async def lag(self, tp: TP) -> int:
        """Return how many records of a partition are not processed yet."""
        processed = self._progress.processed(tp)
        if processed is None:
            processed = await self.position(tp) or 0
        return max(0, (self.highwater(tp) or 0) - processed)

    def uncommitted(self, tp: TP) -> int:
        """Return how many offsets of a partition are processed and not committed yet."""
        processed = self._progress.processed(tp)
        # A partition of which nothing was ever committed is read from its beginning.
        return 0 if processed is None else max(0, processed - (self._committed_offset.get(tp) or 0))

    def unprocessed(self, tp: TP) -> int:
        """Return how many offsets of a partition are fetched, and wait in the stream or are in flight."""
        return self._progress.unprocessed(tp)

    @property
    def batches_in_flight(self) -> int:
        """How many micro-batches are between their computation and their commit."""
        return len(self._in_flight)

    async def wait_empty(self) -> None:
        """Wait until no batch is in flight and no other agent is at work, then commit.

        Faust calls it before it lets go of partitions. After `DRAIN_TIMEOUT_S` a batch loses its right to be written.
        """
        try:
            await asyncio.wait_for(self._until_idle(), DRAIN_TIMEOUT_S)
        except TimeoutError:
            for batch in self._in_flight:
                batch.revoked = True
            self.log.warning("A batch did not finish in %s s: it is abandoned and redelivered.", DRAIN_TIMEOUT_S)
        await self.commit()

    async def _until_idle(self) -> None:
        await self._idle.wait()
        # What stock agents are at. Faust's own wait has no limit, and takes no cancellation.
        while self._unacked_messages:
            await asyncio.sleep(ACK_POLL_S)
            self._clean_unacked_messages()

    async def force_commit(self, topics: TPorTopicSet | None = None, start_new_transaction: bool = True) -> bool:
        """Commit what finished batches allow, and of other topics what their agents have acknowledged."""
        committed: bool = await super().force_commit(topics, start_new_transaction)
        offsets = self._progress.take_to_commit()
        if not offsets:
            return committed
        committed = await self._commit(offsets)
        if committed:
            self._committed_offset.update(offsets)
        return committed

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Forget what was not committed: after the callback another worker goes on from the committed offsets."""
        await super().on_partitions_revoked(revoked)
        self._progress.forget(revoked)


def batch_consumer(app: AppT) -> BatchConsumer:
    """Return the app's consumer by its own type."""
    return cast(BatchConsumer, app.consumer)
