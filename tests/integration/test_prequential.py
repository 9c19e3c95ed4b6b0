"""A worker's prequential counters are those of a simulation of the same clicks, and of the published lists."""

import uuid
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest
from prometheus_client.parser import text_string_to_metric_families

from export.artifact import Artifact, load_artifact
from nextclick.prequential.outcomes import score_recording
from nextclick.recording.files import open_recording
from nextclick.recording.recorder import record_topic
from nextclick.recording.records import RecordedRecord
from nextclick.recording.replayer import replay_records
from nextclick.recording.selection import Selection
from nextclick.recording.sources import all_records
from tests.integration.harness import Stream, Worker, make_stream, running_worker
from tests.nextclick.recording.made import make_head
from tests.nextclick.simulation.clicks import recorded_clicks
from tests.prequential_by_hand import counted_by_hand, score_by_hand
from workers.prequential_tally import HISTORY_BINS, discounted_gains, history_bins, reciprocal_ranks

pytestmark = [pytest.mark.broker, pytest.mark.slow]

CLICKS, PARTITIONS = 900, 2
PREFIX = "nextclick_prequential_"
# Counter -> (strategy, history) -> value.
Counts = dict[str, defaultdict[tuple[str, str], float]]


def send(stream: Stream, records: Sequence[RecordedRecord]) -> None:
    """Send records to their partitions."""
    report = replay_records(
        records,
        make_head(partitions=PARTITIONS),
        bootstrap_servers=stream.settings.bootstrap_servers,
        topic=stream.settings.clicks_topic,
        cluster_id="another",
    )
    assert report.acknowledged == len(records)


def add_counters(counts: Counts, worker: Worker) -> None:
    """Add what a worker has counted so far."""
    for family in text_string_to_metric_families(worker.get("/metrics")[1]):
        if family.name.startswith(PREFIX):
            sums = counts.setdefault(family.name.removeprefix(PREFIX), defaultdict(float))
            for sample in family.samples:
                sums[sample.labels["strategy"], sample.labels["history"]] += sample.value


def count_outcomes(artifact: Artifact, outcomes: pl.DataFrame) -> Counts:
    """Return what the workers should have counted between them."""
    values: dict[str, Sequence[float]] = {
        "opportunities": [1] * len(outcomes),
        "unknown_items": (~outcomes["item_id"].is_in(list(artifact.vocabulary.item_ids))).to_list(),
    }
    for prefix, column in (("", "rank"), ("popular_", "popular_rank")):
        rank = outcomes[column].to_numpy()
        values[f"{prefix}hits"] = (rank > 0).tolist()
        values[f"{prefix}reciprocal_ranks"] = reciprocal_ranks(rank).tolist()
        values[f"{prefix}gains"] = discounted_gains(rank).tolist()
    bins = [HISTORY_BINS[code] for code in history_bins(outcomes["history_length"].to_numpy()).tolist()]
    cells = list(zip(outcomes["strategy"], bins, strict=True))
    counts: Counts = {}
    for name, column_values in values.items():
        counts[name] = defaultdict(float)
        for cell, value in zip(cells, column_values, strict=True):
            counts[name][cell] += value
    return counts


def test_live_and_replayed_figures_agree(broker: str, tiny_artifact: Artifact, tmp_path: Path) -> None:
    """Exactly, sums of fractions too: two partitions, a restart in the middle, every click of a worker's life."""
    stream = make_stream(
        broker, tiny_artifact.folder, f"prequential-{uuid.uuid4().hex[:8]}", partitions=PARTITIONS, max_batch_records=64
    )
    records = recorded_clicks(CLICKS, partitions=PARTITIONS)
    counts: Counts = {}
    for half in (records[: CLICKS // 2], records[CLICKS // 2 :]):
        with running_worker(stream, tmp_path) as worker:
            worker.wait_until_ready()
            send(stream, half)
            worker.wait_for_clicks(len(half))
            add_counters(counts, worker)
            assert worker.stop() == 0

    recording = tmp_path / "clicks.parquet"
    record_topic(recording, bootstrap_servers=broker, topic=stream.settings.clicks_topic, selection=Selection())
    source = open_recording(recording)
    artifact = load_artifact(stream.settings.artifact)
    outcomes = score_recording(artifact, stream.settings, source.head, all_records(source))
    assert counts == count_outcomes(artifact, outcomes)
    assert 700 < sum(counts["opportunities"].values()) == len(outcomes) < CLICKS
    assert sum(counts["hits"].values()) > 100

    published = [record.value for record in stream.read_all(stream.settings.recommendations_topic)]
    clicks = [record.to_click_record("clicks") for record in records]
    by_hand = counted_by_hand(score_by_hand(artifact, clicks, published))
    assert {name: Counter(counts[name]) for name in by_hand} == by_hand
