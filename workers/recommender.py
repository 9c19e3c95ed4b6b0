"""Runs the stream's micro-batches through the pipeline, and moves the offsets: step 9."""

import time

import structlog

from workers.batch_consumer import batch_consumer
from workers.metrics import WorkerMetrics
from workers.micro_batches import MicroBatch
from workers.pipeline import BatchReport, Pipeline
from workers.ports import BatchAbandoned
from workers.rejection_alarm import RejectionAlarm
from workers.streaming_app import StreamingApp

log = structlog.get_logger("nextclick")


class Recommender:
    """The agent's work, one micro-batch at a time.

    Args:
        app: Its consumer is told when a batch is in flight and which offsets are done.
        pipeline: Steps 1 to 8.
        metrics: What is counted.
    """

    def __init__(self, app: StreamingApp, pipeline: Pipeline, metrics: WorkerMetrics) -> None:
        self._app = app
        self._pipeline = pipeline
        self._metrics = metrics
        self._alarm = RejectionAlarm()

    async def process(self, batch: MicroBatch) -> None:
        """Process a micro-batch and let its offsets move.

        Raises:
            NextclickError: If it could not be processed; no offset moves and the worker must end.
        """
        started = time.perf_counter()
        try:
            with batch_consumer(self._app).batch_in_flight() as in_flight:
                report = await self._pipeline.process(batch.records, in_flight)
                in_flight.done(batch.next_offsets)
        except BatchAbandoned as abandoned:
            self._metrics.count_abandoned_batch()
            log.warning("Batch abandoned", records=len(batch.records), reason=str(abandoned))
            return
        oldest_ms = min(record.timestamp_ms for record in batch.records)
        self._observe(report, seconds=time.perf_counter() - started, oldest_click_age_s=time.time() - oldest_ms / 1000)

    def _observe(self, report: BatchReport, *, seconds: float, oldest_click_age_s: float) -> None:
        self._metrics.observe_batch(report, seconds=seconds, oldest_click_age_s=oldest_click_age_s)
        self._alarm.observe(report.records, report.dead_letters)
        for reason in report.unreadable_states.values():
            log.error("A user's state does not decode, the user starts over", reason=reason)
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
