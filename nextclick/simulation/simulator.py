"""Recorded clicks through the worker's own pipeline, a large micro-batch at a time.

**Invariant.** The lists are those that a live worker with the same artifact and settings publishes per click, byte for
byte, whatever the size of the micro-batches and whichever partitions go together: it is the same code, and nothing in a
list depends on either. States begin empty, as those of a group that begins with the recording's first click.

What everyone clicks is the one thing that a list has from elsewhere: it enters by snapshots (`nextclick.simulation
.snapshots`), those that the published lists name or those of a stated delay. Without them nothing is counted.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from export.artifact import Artifact
from nextclick.recording.description import RecordingHead
from nextclick.recording.records import RecordedRecord
from nextclick.simulation.memory import MemoryStates, NoBroker
from nextclick.simulation.recorded_time import RecordedTimeDecoder
from nextclick.simulation.snapshots import Snapshots, cut
from workers.assembly import build_counts, build_pipeline, serve_model
from workers.computed_batch import BatchReport, ComputedBatch
from workers.events import ClickEvent, ClickRecord
from workers.item_bias import load_item_bias
from workers.poison import compute_without_poison
from workers.preflight import TopicLayout
from workers.settings import Settings

# Python's share of a click falls with the size up to here; above, the micro-batch leaves the processor's cache.
BATCH_RECORDS = 2_048
# A live worker gives up where the model fails on many records of one micro-batch, which is about as large.
POISON_BATCH_RECORDS = 512


@dataclass(frozen=True)
class SimulatedBatch:
    """What became of a micro-batch.

    Attributes:
        lists: The bodies of its lists, as they would lie in the output topic; in the order of their clicks.
        report: Counts; `scored` where clicks are.
        clicks: Those of the records that are clicks, in their order.
    """

    lists: Sequence[bytes]
    report: BatchReport
    clicks: Sequence[ClickEvent]


class Simulator:
    """A worker's pipeline with states in memory.

    Args:
        artifact: The model.
        settings: The worker's; `publish` too.
        head: What the records are of: the topic's name is in every list.
        batch_records: Size of the micro-batches.
        prequential: Whether each click is scored against the list that its user had.
        snapshots: Which counts of everyone's clicks each click is ranked with; None: with none. Where the
            model is served without counts there are none.

    Raises:
        ArtifactError: If onnxruntime cannot open a graph, or the lists are not good enough on this CPU.
        SettingsError: If the item biases cannot be read.
    """

    def __init__(
        self,
        artifact: Artifact,
        settings: Settings,
        head: RecordingHead,
        *,
        batch_records: int = BATCH_RECORDS,
        prequential: bool = False,
        snapshots: Snapshots | None = None,
    ) -> None:
        self._topic = head.topic
        self._batch_records = batch_records
        self._states = MemoryStates()
        item_bias = load_item_bias(settings.item_bias_file, artifact.vocabulary)
        self._snapshots = snapshots
        self._counts = None if snapshots is None else build_counts(settings, artifact, item_bias)
        # The arena must hold the users of a whole micro-batch.
        roomy = max(batch_records, settings.max_batch_records)
        self._pipeline = build_pipeline(
            settings.model_copy(update={"max_batch_records": roomy, "prequential": prequential}),
            artifact,
            model=serve_model(settings, artifact, item_bias),
            store=self._states,
            writer=NoBroker(),
            state_writer=NoBroker(),
            layout=TopicLayout(head.partitions, 1),
            decoder=RecordedTimeDecoder(settings, head.recorded_at_ms),
            counts=self._counts,
        )

    @property
    def users(self) -> int:
        """How many users have a state."""
        return len(self._states)

    def run(self, records: Iterable[RecordedRecord]) -> Iterator[SimulatedBatch]:
        """Yield what became of the records, micro-batch by micro-batch."""
        for batch in self._batches(record.to_click_record(self._topic) for record in records):
            for computed in self._compute(batch):
                self._states.install(computed.states, {})
                if self._snapshots is not None:
                    self._snapshots.take(computed.counted)
                lists = computed.report.lists
                bodies = [record.value or b"" for record in computed.outgoing[: sum(lists.values())]]
                yield SimulatedBatch(bodies, computed.report, computed.clicks)

    def _batches(self, clicks: Iterable[ClickRecord]) -> Iterator[Sequence[ClickRecord]]:
        if self._snapshots is None or self._counts is None:
            return cut(clicks, self._batch_records)
        return self._snapshots.batches(self._counts.served, clicks, self._batch_records)

    def _compute(self, batch: Sequence[ClickRecord]) -> Iterator[ComputedBatch]:
        """Compute a micro-batch; in smaller ones where the model fails on a record, as a worker does."""
        try:
            yield self._pipeline.compute(batch)
        except Exception as failure:  # noqa: BLE001 - whatever a model raises
            for start in range(0, len(batch), POISON_BATCH_RECORDS):
                part = batch[start : start + POISON_BATCH_RECORDS]
                yield compute_without_poison(self._pipeline, part, failure)


class SimulationTotals:
    """What became of all records of a simulation; records == clicks applied + without consent + dead letters."""

    def __init__(self) -> None:
        self.records = 0
        self.lists: Counter[str] = Counter()
        self.dead_letters: Counter[str] = Counter()
        self.without_consent = 0
        self.late = 0
        self.unknown_items = 0
        self._digest = hashlib.sha256()

    @property
    def digest(self) -> str:
        """SHA-256 over all lists in their order, a newline behind each."""
        return self._digest.hexdigest()

    def add(self, batch: SimulatedBatch) -> None:
        """Count a micro-batch."""
        report = batch.report
        self.records += report.records
        self.lists.update({strategy.value: count for strategy, count in report.lists.items()})
        self.dead_letters.update({reason.value: count for reason, count in report.dead_letters.items()})
        self.without_consent += report.without_consent
        self.late += report.steps.late
        self.unknown_items += report.steps.unknown_items
        for body in batch.lists:
            self._digest.update(body)
            self._digest.update(b"\n")
