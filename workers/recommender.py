"""Runs the stream's micro-batches through the pipeline, several in flight, and moves the offsets: step 9."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

import structlog

from workers.batch_consumer import batch_consumer
from workers.batch_in_flight import BatchInFlight
from workers.computed_batch import BatchReport, ComputedBatch
from workers.counts_follower import CountsFollower
from workers.events import ClickRecord
from workers.fetched_records import Era
from workers.logs import LoggedUserIds
from workers.metrics import WorkerMetrics
from workers.micro_batches import MicroBatch
from workers.model_thread import ModelThread
from workers.pipeline import Pipeline
from workers.poison import compute_without_poison
from workers.ports import BatchAbandoned
from workers.rejection_alarm import RejectionAlarm
from workers.streaming_app import StreamingApp
from workers.turns import Turns

log = structlog.get_logger("nextclick")

# Of the event loop: to take the next micro-batch and compute it where that is brief, to begin its writing, to send.
_TURNS_TO_SEND = 3


@dataclass(frozen=True, slots=True)
class _Flight:
    """A micro-batch on its way.

    Attributes:
        number: Its place among those of its era.
        batch: What was fetched.
        in_flight: What lets its offsets move.
        started: When its computation began, on `time.perf_counter`.
        published: Set once its lists are acknowledged, or never will be.
    """

    number: int
    batch: MicroBatch
    in_flight: BatchInFlight
    started: float
    published: asyncio.Event


class Recommender:
    """The agent's work: micro-batches are computed one after the other, and written behind each other.

    While one is being computed, in a thread, those before it are being written: their acknowledgements are read, and
    the consumer fetches what comes next. Each step is taken in the order of the micro-batches, so that neither lists
    nor states nor offsets ever overtake each other.

    They overlap only where clicks are waiting: behind a micro-batch that was not full, the next one is taken when its
    lists are acknowledged, with all that has arrived by then. Every micro-batch costs some milliseconds whatever is in
    it, and many small ones would keep each other waiting.

    Args:
        app: Its consumer is told when a batch is in flight and which offsets are done.
        pipeline: Steps 1 to 8.
        metrics: What is counted.
        batches_in_flight: How many may be between their computation and their commit.
        full_batch: Records of a micro-batch behind which more are waiting.
        user_ids: How the log names a user.
        counts: Reads what everyone counted; None: nobody counts.
    """

    def __init__(
        self,
        app: StreamingApp,
        pipeline: Pipeline,
        metrics: WorkerMetrics,
        *,
        batches_in_flight: int,
        full_batch: int,
        user_ids: LoggedUserIds,
        counts: CountsFollower | None = None,
    ) -> None:
        self._app = app
        self._pipeline = pipeline
        self._metrics = metrics
        self._user_ids = user_ids
        self._counts = counts
        self._alarm = RejectionAlarm()
        self._model_thread = ModelThread()
        self._full_batch = full_batch
        self._room = asyncio.Semaphore(batches_in_flight)
        self._being_written: set[asyncio.Future[None]] = set()
        self._number = 0
        self._publishing, self._saving, self._installing = Turns(), Turns(), Turns()
        self._era: Era | None = None
        self._abandoned = False
        self._failure: Exception | None = None

    async def process(self, batch: MicroBatch) -> None:
        """Compute a micro-batch; return while it is being written.

        Raises:
            Exception: If it, or one before it, could not be processed; no offset moves and the worker must end.
        """
        try:
            if batch.era != self._era:
                await self._settle(batch.era)
        except BatchAbandoned as abandoned:
            self._abandon(batch, abandoned)
            return
        await self._room.acquire()
        with ExitStack() as stack:
            stack.callback(self._room.release)
            if self._failure is not None:
                raise self._failure
            try:
                flight = self._begin(batch, stack)
                computed = await self._compute(batch.records)
            except BatchAbandoned as abandoned:
                self._abandon(batch, abandoned)
                return
            writing = self._write(flight, computed, stack.pop_all())
        written = self._app.add_future(writing)
        self._being_written.add(written)
        written.add_done_callback(self._being_written.discard)
        if len(batch.records) < self._full_batch:
            await flight.published.wait()

    def _begin(self, batch: MicroBatch, stack: ExitStack) -> _Flight:
        """Have the micro-batch in flight until the stack is closed.

        Raises:
            BatchAbandoned: If it is not owned any more, or one before it in its era was abandoned: the seek that ends
                the era brings both again.
        """
        consumer = batch_consumer(self._app)
        if self._abandoned or batch.era != consumer.era:
            raise BatchAbandoned("Its records will be fetched again.")
        in_flight = stack.enter_context(consumer.batch_in_flight())
        in_flight.require({tp.partition for tp in batch.next_offsets})
        flight = _Flight(self._number, batch, in_flight, time.perf_counter(), asyncio.Event())
        self._number += 1
        return flight

    async def _compute(self, records: Sequence[ClickRecord]) -> ComputedBatch:
        """Compute; where the model fails, without the records that make it fail.

        Raises:
            BatchAbandoned: If one before it was abandoned meanwhile.
            Exception: What the model raises where no record is to blame.
        """
        try:
            return await self._model_thread.run(self._pipeline.compute, records)
        except Exception as failure:
            log.exception("The model failed on a micro-batch", records=len(records))
            await self._all_written()
            if self._abandoned or self._failure is not None:
                raise BatchAbandoned("A micro-batch before this one was not written.") from failure
            without_poison = partial(compute_without_poison, self._pipeline, failure=failure)
            return await self._model_thread.run(without_poison, records)

    async def _write(self, flight: _Flight, computed: ComputedBatch, stack: ExitStack) -> None:
        """Take a computed micro-batch through steps 6 to 9."""
        number, in_flight = flight.number, flight.in_flight
        try:
            with stack:
                async with self._publishing.turn(number):
                    published = await self._pipeline.publish(computed, in_flight)
                async with self._saving.turn(number):
                    await published
                    flight.published.set()
                    await _others_first()
                    saved = await self._pipeline.save(computed, in_flight)
                async with self._installing.turn(number):
                    await self._pipeline.install(computed, await saved, in_flight)
                    in_flight.done(flight.batch.next_offsets)
        except BatchAbandoned as abandoned:
            self._abandon(flight.batch, abandoned)
        except Exception as error:
            self._failure = error
            raise
        else:
            self._observe(flight, computed.report)
        finally:
            flight.published.set()

    def _abandon(self, batch: MicroBatch, abandoned: BatchAbandoned) -> None:
        self._abandoned = True
        self._metrics.count_abandoned_batch()
        log.warning("Batch abandoned", records=len(batch.records), reason=str(abandoned))

    async def _all_written(self) -> None:
        while self._being_written:
            await asyncio.wait(self._being_written)

    async def _settle(self, era: Era) -> None:
        """Wait until nothing is in flight, then begin an era with what is in the store.

        Raises:
            BatchAbandoned: If the worker stops before.
        """
        await self._all_written()
        self._era = era
        self._abandoned = False
        self._number = 0
        self._publishing, self._saving, self._installing = Turns(), Turns(), Turns()
        if self._counts is not None:
            # After the states were restored: what is in them is in the counts by then.
            await self._counts.caught_up()
        self._pipeline.forget()

    def _observe(self, flight: _Flight, report: BatchReport) -> None:
        seconds = time.perf_counter() - flight.started
        oldest_ms = min(record.timestamp_ms for record in flight.batch.records)
        self._metrics.observe_batch(report, seconds=seconds, oldest_click_age_s=time.time() - oldest_ms / 1000)
        self._alarm.observe(report.records, report.dead_letters)
        for user_key, reason in report.unreadable_states.items():
            user = self._user_ids.name(user_key)
            log.error("A user's state does not decode, the user starts over", user=user, reason=reason)
        log.debug(
            "Batch processed",
            records=report.records,
            applied=report.steps.applied,
            redelivered=report.steps.redelivered,
            without_consent=report.without_consent,
            lists=sum(report.lists.values()),
            dead_letters=sum(report.dead_letters.values()),
            milliseconds=round(seconds * 1000, 1),
        )


async def _others_first() -> None:
    """Let a micro-batch that waits for this one's lists send its own: states are in nobody's way to a list."""
    for _ in range(_TURNS_TO_SEND):
        await asyncio.sleep(0)
