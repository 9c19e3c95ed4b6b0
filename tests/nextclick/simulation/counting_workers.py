"""Workers that count everyone's clicks and rank with them, and the topics that they write, all in memory."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np

from export.artifact import Artifact
from nextclick.recording.description import RecordingHead
from nextclick.recording.records import RecordedRecord
from nextclick.simulation.memory import MemoryStates
from tests.nextclick.recording.made import links, make_head, make_recorded, write_recording
from tests.workers.fakes import KeptOwnership, RecordingWriter
from workers.assembly import build_counts, build_pipeline, serve_model
from workers.events import ClickRecord
from workers.preflight import TopicLayout
from workers.served_counts import CountsRecord
from workers.settings import Settings

PARTITIONS = 4


class CountingWorker:
    """A worker of some partitions.

    Args:
        artifact: With a recipe for live counts.
        settings: The worker's.
        broker: What all workers write to; this one follows the counts topic there.
    """

    def __init__(self, artifact: Artifact, settings: Settings, broker: RecordingWriter) -> None:
        no_bias = np.zeros(artifact.manifest.item_count, np.float32)
        counts = build_counts(settings, artifact, no_bias, caught_up=self._caught_up)
        assert counts is not None
        self._served, self._broker, self._topic = counts.served, broker, settings.counts_topic
        self._read = 0
        self._pipeline = build_pipeline(
            settings,
            artifact,
            model=serve_model(settings, artifact, no_bias),
            store=MemoryStates(),
            writer=broker,
            state_writer=RecordingWriter(),
            layout=TopicLayout(PARTITIONS, 1),
            counts=counts,
        )

    def catch_up(self) -> None:
        """Read the counts topic to its end."""
        records = self._broker.of_topic(self._topic)
        come = [CountsRecord(offset, one.key, one.value) for offset, one in enumerate(records)]
        self._served.hand_over(come[self._read :])
        self._read = len(records)

    async def _caught_up(self, end: int) -> None:
        self.catch_up()
        self._served.advance()
        assert self._read >= end

    def process(self, records: Sequence[ClickRecord]) -> None:
        """Take a micro-batch."""
        asyncio.run(self._pipeline.process(records, KeptOwnership()))


def serve(
    artifact: Artifact, settings: Settings, records: Sequence[RecordedRecord], *, workers: int, seed: int = 0
) -> RecordingWriter:
    """Let workers take turns at a topic, micro-batches of any size, each as far behind the counts as it happens."""
    random, broker = Random(seed), RecordingWriter()
    fleet = [CountingWorker(artifact, settings, broker) for _ in range(workers)]
    left = [
        [one.to_click_record(settings.clicks_topic) for one in records if one.partition % workers == number]
        for number in range(workers)
    ]
    while any(left):
        number = random.choice([number for number in range(workers) if left[number]])
        if random.random() < 0.7:
            fleet[number].catch_up()
        size = random.randrange(1, 12)
        fleet[number].process(left[number][:size])
        del left[number][:size]
    return broker


def write_topics(broker: RecordingWriter, settings: Settings, folder: Path) -> tuple[Path, Path]:
    """Record what workers wrote; return the lists and the counts."""
    topics = {"lists": (settings.recommendations_topic, PARTITIONS), "counts": (settings.counts_topic, 1)}
    paths = []
    for name, (topic, partitions) in topics.items():
        offsets = [0] * partitions
        records = []
        for one in broker.of_topic(topic):
            records.append(make_recorded(one.partition, offsets[one.partition], key=one.key, value=one.value))
            offsets[one.partition] += 1
        head: RecordingHead = make_head(topic=topic, partitions=partitions)
        write_recording(folder / f"{name}.parquet", links(records), head)
        paths.append(folder / f"{name}.parquet")
    return paths[0], paths[1]


def bodies_by_click(broker: RecordingWriter, settings: Settings) -> list[bytes]:
    """Return the published lists, each partition's in the order of its clicks."""
    lists = broker.of_topic(settings.recommendations_topic)
    return [one.value or b"" for one in sorted(lists, key=lambda one: one.partition)]
