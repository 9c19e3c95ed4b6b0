"""Who counts a partition, by claims of workers whose clocks disagree."""

from collections.abc import Callable
from random import Random

import numpy as np
import pytest

from export.artifact import Artifact
from export.runtime import ModelRuntime
from models.counts.count_records import decode_key
from models.errors import BrokerError
from tests.click_tables import MAY_2024_MS
from tests.counted_clicks import Sums
from tests.factories import make_tiny_artifact
from tests.workers.counting_worker import COUNTS, RECIPE, CountingWorker, published_sums
from tests.workers.fakes import LateWriter, MemoryRows, RecordingWriter
from tests.workers.pipelines import Topic, clicks_with_everything, run
from workers.assembly import build_counts
from workers.claim_clock import claim_time
from workers.settings import load_settings

HOUR_MS = 3_600_000
# As a worker's clock says it.
Clock = Callable[[], int]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> tuple[Artifact, ModelRuntime]:
    artifact = make_tiny_artifact(tmp_path_factory.mktemp("claimed"), counts=RECIPE)
    return artifact, ModelRuntime(artifact)


def sums_after(model: tuple[Artifact, ModelRuntime], hung: Clock | None, successor: Clock) -> Sums:
    """Return what is counted where a worker hung with its claims on their way, which arrive while another counts."""
    broker, topic, random = RecordingWriter(), Topic(clicks_with_everything(Random(5), 50)), Random(1)
    writer = LateWriter(broker, COUNTS, through=0)
    batch = topic.fetch(random, most=9)
    if hung is not None:
        with pytest.raises(BrokerError):
            run(CountingWorker(*model, broker, claim_time=hung).pipeline(MemoryRows(), writer), batch)
    worker = CountingWorker(*model, broker, claim_time=successor)
    pipeline = worker.pipeline(MemoryRows(), broker)
    while batch:
        run(pipeline, batch)
        topic.commit(batch)
        worker.catch_up()
        writer.deliver()
        batch = topic.fetch(random, most=9)
    return published_sums(broker)


@pytest.mark.parametrize("ahead_ms", [-HOUR_MS, -1_000, 0, 1_000, HOUR_MS])
def test_a_claim_that_arrives_late_takes_nothing_from_who_counts_by_then(
    model: tuple[Artifact, ModelRuntime], ahead_ms: int
) -> None:
    """However far the clock of the worker that hung is ahead: it had the partitions in an earlier generation."""

    def successor() -> int:
        return claim_time(8, MAY_2024_MS)

    late = sums_after(model, lambda: claim_time(7, MAY_2024_MS + ahead_ms), successor)
    assert late == sums_after(model, None, successor)
    assert late.clicks.total() > 20


def test_claims_of_the_same_moment_do_no_harm(model: tuple[Artifact, ModelRuntime]) -> None:
    """A worker that came back under its own name within a second: a claim alone counts nothing."""

    def same() -> int:
        return claim_time(7, MAY_2024_MS)

    assert sums_after(model, same, same) == sums_after(model, None, same)


def test_a_later_generation_claims_above_all_moments_of_an_earlier_one() -> None:
    """Up to the last generation and the last second that there is room for."""
    last_second_ms = (2**32 - 1) * 1_000 + 999
    moments = [claim_time(0, 0), claim_time(0, last_second_ms), claim_time(1, 0), claim_time(2**31 - 1, last_second_ms)]
    assert moments == sorted(set(moments))
    assert moments[-1] == 2**63 - 1


def test_a_worker_claims_by_its_groups_generation(model: tuple[Artifact, ModelRuntime]) -> None:
    artifact, _ = model
    no_bias = np.zeros(artifact.manifest.item_count, np.float32)
    counts = build_counts(load_settings(artifact=artifact.folder), artifact, no_bias, generation=lambda: 41)
    assert counts is not None
    (claimed,) = counts.counting.claims({3})
    assert decode_key(claimed.key).epoch >> 32 == 41
