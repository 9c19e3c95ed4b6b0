"""Pipelines for tests: real models, real steps, and fakes at the edges."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from random import Random

import numpy as np

from export.artifact import Artifact
from export.runtime import ModelRuntime
from tests.click_records import make_click, make_record
from tests.click_tables import MAY_2024_MS
from tests.workers.fakes import KeptOwnership, MemoryRows, RecordingWriter
from workers.computed_batch import BatchReport
from workers.counts_beside import CountsBeside
from workers.decoding import ClickDecoder
from workers.events import ClickRecord
from workers.loading import StateLoader
from workers.pipeline import OutputTopics, Pipeline
from workers.ports import Ownership, RecordWriter, StateStore
from workers.prequential import PrequentialScorer
from workers.ranking import Ranker
from workers.stepping import Stepper
from workers.user_state import last_offset_of

LISTS, DEAD_LETTERS, CHANGELOG = "lists", "dead", "states"


def run(pipeline: Pipeline, records: Sequence[ClickRecord], ownership: Ownership | None = None) -> BatchReport:
    """Take one micro-batch through the pipeline."""
    return asyncio.run(pipeline.process(records, ownership or KeptOwnership()))


def poison(offset: int, partition: int = 0) -> ClickRecord:
    """Return a record that is no click."""
    return make_record(b"\xff", partition=partition, offset=offset)


def clicks_with_everything(random: Random, count: int) -> list[list[ClickRecord]]:
    """Return two partitions of clicks of six users: sessions, late clicks, unknown items, no consent, poison."""
    partitions: list[list[ClickRecord]] = [[], []]
    for number in range(count):
        user = random.choice(["ann", "bob", "cat", "dan", "eve", "flo"])
        partition = ord(user[0]) % 2
        records = partitions[partition]
        click = make_click(
            user,
            random.choice(["item-03", "item-07", "item-11", "item-29", "unknown"]),
            number * 30_000 + random.choice([0, 0, -300_000, 3_600_000]),
            offset=len(records),
            partition=partition,
            session_id=random.choice([None, "s1", "s2"]),
            event_type=random.choice([None, "view", "cart"]),
            event_id=f"event-{number}",
            consent=random.random() > 0.1,
        )
        records.append(click.record if random.random() > 0.1 else poison(len(records), partition))
    return partitions


def make_pipeline(
    artifact: Artifact,
    runtime: ModelRuntime,
    *,
    store: StateStore,
    writer: RecordWriter,
    per_click: bool = True,
    exclude_seen: bool = False,
    hot_users: int = 1_000,
    prequential: bool = False,
    state_ttl_ms: int | None = None,
    unavailable: Sequence[int] = (),
    counts: CountsBeside | None = None,
) -> Pipeline:
    """A pipeline whose clock stands a month after the clicks."""
    month_later_ms = MAY_2024_MS + 30 * 86_400_000
    loader = StateLoader(runtime, artifact.vocabulary, store, capacity=hot_users)
    stepper = Stepper(
        runtime, loader.arena, state_ttl_ms=state_ttl_ms, with_seen=exclude_seen, with_recent=counts is not None
    )
    item_bias = np.zeros(artifact.manifest.item_count, np.float32)
    item_bias[list(unavailable)] = -np.inf
    ranker = Ranker(
        artifact,
        runtime,
        item_bias=item_bias,
        exclude_seen=exclude_seen,
        counts=None if counts is None else counts.served,
    )
    scorer = PrequentialScorer(
        artifact,
        loader.arena,
        stepper,
        ranker,
        item_bias=item_bias,
        exclude_seen=exclude_seen,
        per_click=per_click,
        ranks_again=counts is None,
    )
    return Pipeline(
        decoder=ClickDecoder(
            field_map={}, max_id_bytes=64, max_future_ms=0, check_key=True, now_ms=lambda: month_later_ms
        ),
        vocabulary=artifact.vocabulary,
        loader=loader,
        stepper=stepper,
        ranker=ranker,
        store=store,
        writer=writer,
        state_writer=writer,
        topics=OutputTopics(LISTS, DEAD_LETTERS, dead_letter_partitions=1, changelog=CHANGELOG),
        model_id=artifact.manifest.model_id,
        per_click=per_click,
        now_ms=lambda: month_later_ms,
        scorer=scorer if prequential else None,
        counts=counts,
    )


@dataclass
class Topic:
    """A click topic and its consumer group's committed offsets.

    Attributes:
        partitions: The records of each partition, record n at offset n.
        committed: The next offset of each partition.
    """

    partitions: Sequence[Sequence[ClickRecord]]
    committed: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.committed = [0] * len(self.partitions)

    def fetch(self, random: Random, *, most: int) -> list[ClickRecord]:
        """Return some of the records after the committed offsets, partitions side by side."""
        fetched = [
            records[start : start + random.randint(1, most)]
            for records, start in zip(self.partitions, self.committed, strict=True)
        ]
        return [record for row in zip_longest(*fetched) for record in row if record is not None]

    def commit(self, records: Sequence[ClickRecord]) -> None:
        """Move the committed offsets behind these records."""
        for record in records:
            self.committed[record.partition] = record.offset + 1


def restored(broker: RecordingWriter) -> MemoryRows:
    """What a worker that starts anew reads from the changelog: each user's newest record, never an older one."""
    store = MemoryRows()
    for record in broker.of_topic(CHANGELOG):
        assert record.key is not None
        assert record.value is not None
        known = store.load(record.partition, record.key)
        if known is None or last_offset_of(known) <= last_offset_of(record.value):
            store.rows[record.partition, record.key] = record.value
    return store


def lists_by_click(broker: RecordingWriter) -> dict[tuple[int, int], bytes]:
    """Return each list's bytes by its click's partition and offset; a second copy must be the first one."""
    lists: dict[tuple[int, int], bytes] = {}
    for record in broker.of_topic(LISTS):
        assert record.value is not None
        source = json.loads(record.value)["source"]
        assert source["partition"] == record.partition
        assert lists.setdefault((source["partition"], source["offset"]), record.value) == record.value
    return lists


def dead_letters(broker: RecordingWriter) -> dict[tuple[int, int], tuple[bytes | None, bytes]]:
    """Return each dead letter's bytes and reason by its source."""
    letters = defaultdict(set)
    for record in broker.of_topic(DEAD_LETTERS):
        headers = {name: value or b"" for name, value in record.headers}
        source = int(headers["nextclick.source.partition"]), int(headers["nextclick.source.offset"])
        letters[source].add((record.value, headers["nextclick.reason"]))
    assert all(len(copies) == 1 for copies in letters.values())
    return {source: copies.pop() for source, copies in letters.items()}


def adds_up(report: BatchReport) -> bool:
    """Tell whether every record of the batch is accounted for."""
    steps = report.steps
    return report.records == steps.applied + steps.redelivered + report.without_consent + sum(
        report.dead_letters.values()
    )
