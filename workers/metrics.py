"""What a worker counts, by Prometheus' naming rules; never a user or an item as a label."""

from collections.abc import Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)

from export.artifact import Manifest
from models.counts.partition_counter import CountOutcome
from workers.computed_batch import BatchReport
from workers.events import RejectionReason
from workers.prequential_metrics import PrequentialMetrics
from workers.served_counts import ServedCounts

_LATENCY_BUCKETS = (0.002, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60)
_BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096)


class WorkerMetrics:
    """A worker's metrics, in a registry of their own."""

    def __init__(self) -> None:
        # A `_created` series beside every counter says nothing that the process start time does not.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library types all but this
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._clicks = Counter(
            "nextclick_clicks",
            "Records of the click topic, by what became of them.",
            ["outcome"],
            registry=self.registry,
        )
        self._late = Counter(
            "nextclick_late_clicks",
            "Clicks applied with an event time before one already applied.",
            registry=self.registry,
        )
        self._unknown = Counter(
            "nextclick_unknown_item_clicks",
            "Clicks applied on items that the model does not know.",
            registry=self.registry,
        )
        self._lists = Counter("nextclick_lists", "Lists published, by strategy.", ["strategy"], registry=self.registry)
        self._dead_letters = Counter(
            "nextclick_dead_letters",
            "Records that cannot be used as clicks, by reason.",
            ["reason"],
            registry=self.registry,
        )
        self._unreadable = Counter(
            "nextclick_unreadable_states", "State records that did not decode.", registry=self.registry
        )
        self._rekeyed = Counter(
            "nextclick_rekeyed_clicks", "Clicks sent on under their user's key.", registry=self.registry
        )
        self._abandoned = Counter(
            "nextclick_abandoned_batches",
            "Micro-batches given up because their partitions moved.",
            registry=self.registry,
        )
        self._batch_seconds = Histogram(
            "nextclick_batch_seconds",
            "Time of a micro-batch, acknowledgements included.",
            buckets=_LATENCY_BUCKETS,
            registry=self.registry,
        )
        self._batch_records = Histogram(
            "nextclick_batch_records", "Records of a micro-batch.", buckets=_BATCH_BUCKETS, registry=self.registry
        )
        self._latency = Histogram(
            "nextclick_click_to_list_seconds",
            "From a click's Kafka timestamp to its list's acknowledgement, the micro-batch's oldest click.",
            buckets=_LATENCY_BUCKETS,
            registry=self.registry,
        )
        self._lag = Gauge(
            "nextclick_consumer_lag_records",
            "Records of the click topic not processed yet.",
            ["partition"],
            registry=self.registry,
        )
        self._unprocessed = Gauge(
            "nextclick_fetched_records",
            "Records of the click topic that are fetched and not processed yet: what a slow output keeps waiting.",
            ["partition"],
            registry=self.registry,
        )
        self._uncommitted = Gauge(
            "nextclick_uncommitted_records",
            "Records of the click topic that are processed and whose offsets are not committed yet.",
            ["partition"],
            registry=self.registry,
        )
        self._in_flight = Gauge(
            "nextclick_batches_in_flight",
            "Micro-batches between their computation and their last acknowledgement.",
            registry=self.registry,
        )
        self._tasks = Gauge("nextclick_event_loop_tasks", "Tasks of the worker's event loop.", registry=self.registry)
        self._restore_remaining = Gauge(
            "nextclick_restore_records_remaining",
            "Changelog records that are not restored yet, of each partition that the worker owns.",
            ["partition"],
            registry=self.registry,
        )
        self._standby_lag = Gauge(
            "nextclick_standby_lag_records",
            "Changelog records that are not applied yet, of each partition that the worker is a standby of.",
            ["partition"],
            registry=self.registry,
        )
        self._set_aside = Gauge(
            "nextclick_states_set_aside",
            "State records of the changelog that did not decode when they were restored.",
            registry=self.registry,
        )
        self._offsets_ahead = Gauge(
            "nextclick_states_ahead_of_clicks",
            "By how many offsets restored states are ahead of the click log; above 0 it was made again or lost clicks.",
            ["partition"],
            registry=self.registry,
        )
        self._stale = Gauge(
            "nextclick_stale_state_records",
            "State records left out of the restore because they were older than the one restored already.",
            registry=self.registry,
        )
        self._ready = Gauge("nextclick_ready", "1 while /readyz answers 200.", registry=self.registry)
        self._broker_silence = Gauge(
            "nextclick_broker_silence_seconds",
            "Time since a broker last answered the consumer.",
            registry=self.registry,
        )
        self._without_leader = Gauge(
            "nextclick_partitions_without_leader",
            "Partitions of clicks, lists, states or counts that this worker needs and that nobody leads.",
            registry=self.registry,
        )
        self._counted = Counter(
            "nextclick_counted_clicks",
            "Clicks that live counts were given, by what became of them: counted, late, early, capped, again.",
            ["outcome"],
            registry=self.registry,
        )
        self._counts_lag = Gauge(
            "nextclick_counts_lag_records",
            "Records of the counts topic that are not read yet.",
            registry=self.registry,
        )
        self._counts_age = Gauge(
            "nextclick_counts_age_seconds",
            "Time since the end of the newest bucket that lists are ranked with.",
            registry=self.registry,
        )
        self._trending = Gauge(
            "nextclick_trending_items", "Items whose lists everyone's clicks lift.", registry=self.registry
        )
        self._model = Info("nextclick_model", "The model that is served.", registry=self.registry)
        self._prequential = PrequentialMetrics(self.registry)

    def describe_model(self, manifest: Manifest) -> None:
        """Name the model that is served."""
        self._model.info(
            {
                "model_id": manifest.model_id,
                "model_kind": manifest.model_kind,
                "dataset": manifest.training_data.dataset,
                "items": str(manifest.item_count),
                "list_length": str(manifest.list_length),
            }
        )

    def observe_batch(self, report: BatchReport, *, seconds: float, oldest_click_age_s: float) -> None:
        """Count what became of a micro-batch."""
        outcomes = {
            "applied": report.steps.applied,
            "redelivered": report.steps.redelivered,
            "without_consent": report.without_consent,
            "dead_letter": sum(report.dead_letters.values()),
        }
        for outcome, count in outcomes.items():
            self._clicks.labels(outcome).inc(count)
        for strategy, count in report.lists.items():
            self._lists.labels(strategy).inc(count)
        for reason, count in report.dead_letters.items():
            self._dead_letters.labels(reason).inc(count)
        self._late.inc(report.steps.late)
        self._unknown.inc(report.steps.unknown_items)
        self._unreadable.inc(len(report.unreadable_states))
        self._batch_seconds.observe(seconds)
        self._batch_records.observe(report.records)
        if report.lists:
            self._latency.observe(max(0.0, oldest_click_age_s))
        if report.scored is not None:
            self._prequential.count(report.scored)

    def count_rekeyed(self, rekeyed: int, dead_letters: Mapping[RejectionReason, int]) -> None:
        """Count a micro-batch of the click topic that was sent on under its users' keys."""
        self._rekeyed.inc(rekeyed)
        for reason, count in dead_letters.items():
            self._dead_letters.labels(reason).inc(count)

    def count_counted(self, outcomes: Mapping[CountOutcome, int]) -> None:
        """Count what became of the clicks that live counts were given."""
        for outcome, count in outcomes.items():
            self._counted.labels(outcome).inc(count)

    def set_counts(self, served: ServedCounts, *, lag: int, now_ms: int) -> None:
        """Set how far behind the live counts are, and how much they lift."""
        self._counts_lag.set(lag)
        if served.snapshot is not None:
            end_ms = (served.snapshot.bucket + 1) * served.recipe.bucket_ms
            self._counts_age.set((now_ms - end_ms) / 1000)
        self._trending.set(served.trending_items)

    def count_abandoned_batch(self) -> None:
        """Count a micro-batch that a rebalance took away."""
        self._abandoned.inc()

    def set_lag(self, lag_of_partition: Mapping[int, int]) -> None:
        """Set how far behind each of the worker's partitions is; partitions that moved away disappear."""
        _set_by_partition(self._lag, lag_of_partition)

    def set_unprocessed(self, records_of_partition: Mapping[int, int]) -> None:
        """Set how much of each partition is fetched and not processed."""
        _set_by_partition(self._unprocessed, records_of_partition)

    def set_uncommitted(self, records_of_partition: Mapping[int, int]) -> None:
        """Set how much of each partition is processed and not committed."""
        _set_by_partition(self._uncommitted, records_of_partition)

    def set_in_hand(self, *, batches: int, tasks: int) -> None:
        """Set what the worker has in its hands at this moment."""
        self._in_flight.set(batches)
        self._tasks.set(tasks)

    def set_restore_remaining(self, records_of_partition: Mapping[int, int]) -> None:
        """Set how much of each partition's restore is left."""
        _set_by_partition(self._restore_remaining, records_of_partition)

    def set_standby_lag(self, records_of_partition: Mapping[int, int]) -> None:
        """Set how far behind each standby partition is."""
        _set_by_partition(self._standby_lag, records_of_partition)

    def set_offsets_ahead(self, offsets_of_partition: Mapping[int, int]) -> None:
        """Set by how much the states of each partition are ahead of its clicks."""
        _set_by_partition(self._offsets_ahead, offsets_of_partition)

    def set_restored(self, *, set_aside: int, stale: int) -> None:
        """Set what the restore left out."""
        self._set_aside.set(set_aside)
        self._stale.set(stale)

    def set_ready(self, *, ready: bool) -> None:
        """Set whether the worker is ready."""
        self._ready.set(int(ready))

    def set_broker_silence(self, seconds: float) -> None:
        """Set how long no broker has answered."""
        self._broker_silence.set(seconds)

    def set_without_leader(self, partitions: int) -> None:
        """Set how many partitions that the worker needs have no leader."""
        self._without_leader.set(partitions)


def _set_by_partition(gauge: Gauge, values: Mapping[int, int]) -> None:
    gauge.clear()
    for partition, value in values.items():
        gauge.labels(str(partition)).set(value)
