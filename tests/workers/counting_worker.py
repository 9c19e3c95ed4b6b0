"""A worker's pipeline with live counts, without a broker, and what its records come to."""

import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from export.artifact import Artifact
from export.runtime import ModelRuntime
from models.counts.recipe import CountsRecipe
from tests.counted_clicks import Sums, sums
from tests.workers.fakes import MemoryRows, RecordingWriter
from tests.workers.pipelines import LISTS, make_pipeline
from workers.click_counting import ClickCounting
from workers.counts_beside import CountsBeside
from workers.pipeline import Pipeline
from workers.ports import RecordWriter
from workers.served_counts import CountsRecord, ServedCounts

COUNTS = "counts"
RECIPE = CountsRecipe(bucket_ms=900_000, session_reach=3, clicks_per_user=2, boost_length=16)
# One clock for all workers: whoever takes a partition over later has the higher epoch.
_CLOCK = itertools.count(1)


@dataclass
class CountingWorker:
    """A worker's pipeline, and how far it has read the counts topic; all have one clock, unless it has its own."""

    artifact: Artifact
    runtime: ModelRuntime
    broker: RecordingWriter
    read: int = 0
    claim_time: Callable[[], int] = _CLOCK.__next__
    served: ServedCounts = field(init=False)

    def __post_init__(self) -> None:
        bias = np.zeros(self.artifact.manifest.item_count, np.float32)
        self.served = ServedCounts(RECIPE, self.artifact.vocabulary, bias)

    def catch_up(self) -> None:
        """Read the counts topic to its end."""
        records = self.broker.of_topic(COUNTS)
        self.served.hand_over(
            [CountsRecord(offset, one.key, one.value) for offset, one in enumerate(records)][self.read :]
        )
        self.read = len(records)
        self.served.advance()

    async def caught_up(self, end: int) -> None:
        """Read at least up to an offset."""
        self.catch_up()
        assert self.read >= end

    def pipeline(self, store: MemoryRows, writer: RecordWriter, *, without_consent: bool = False) -> Pipeline:
        """Return a pipeline that counts on from what is durable."""
        counting = ClickCounting(
            RECIPE,
            self.artifact.vocabulary,
            topic=COUNTS,
            durable=self.served,
            without_consent=without_consent,
            claim_time=self.claim_time,
        )
        beside = CountsBeside(self.served, counting, self.caught_up)
        return make_pipeline(self.artifact, self.runtime, store=store, writer=writer, counts=beside)


def published_sums(broker: RecordingWriter) -> Sums:
    """Return what the counts topic comes to."""
    return sums((one.key, one.value) for one in broker.of_topic(COUNTS))


def lists_by_click_and_snapshot(broker: RecordingWriter) -> Mapping[tuple[int, int], Mapping[int | None, bytes]]:
    """Return each click's lists by the snapshots that they name; of the same click and snapshot, all are the same."""
    lists: dict[tuple[int, int], dict[int | None, bytes]] = {}
    for record in broker.of_topic(LISTS):
        assert record.value is not None
        body = json.loads(record.value)
        place = body["source"]["partition"], body["source"]["offset"]
        snapshot = body["counts"]["offset"] if "counts" in body else None
        assert lists.setdefault(place, {}).setdefault(snapshot, record.value) == record.value
    return lists
