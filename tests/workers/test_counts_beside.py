"""Live counts beside the pipeline: exact over every crash, in every list, the same bytes whoever counts."""

import contextlib
import json
from collections.abc import Iterator
from random import Random

import numpy as np
import pytest

from export.artifact import Artifact
from export.runtime import ModelRuntime
from models.errors import BrokerError
from tests.click_records import make_click
from tests.factories import make_tiny_artifact
from tests.workers.counting_worker import RECIPE, CountingWorker, published_sums
from tests.workers.fakes import FailingWriter, MemoryRows, RecordingWriter
from tests.workers.pipelines import LISTS, Topic, clicks_with_everything, restored, run
from workers.events import ClickRecord
from workers.served_counts import known_first


@pytest.fixture(scope="module")
def counted_artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return make_tiny_artifact(tmp_path_factory.mktemp("counted"), counts=RECIPE)


def serve(
    worker: CountingWorker, topic: Topic, random: Random, *, crashes: bool, most: int = 20
) -> Iterator[list[ClickRecord]]:
    """Process the topic; now and then die after some of a micro-batch's records, and begin again."""
    store = MemoryRows()
    pipeline = worker.pipeline(store, worker.broker)
    while batch := topic.fetch(random, most=most):
        worker.catch_up()
        if crashes and random.random() < 0.4:
            failing = FailingWriter(worker.broker, after=random.randrange(60))
            dying = worker.pipeline(store, failing)
            dying.forget()
            with contextlib.suppress(BrokerError):
                run(dying, batch)
            # Another process: it has what is durable.
            worker.__init__(worker.artifact, worker.runtime, worker.broker)  # type: ignore[misc]
            worker.catch_up()
            store = restored(worker.broker)
            pipeline = worker.pipeline(store, worker.broker)
            continue
        run(pipeline, batch)
        topic.commit(batch)
        yield batch


@pytest.mark.parametrize("seed", range(8))
def test_counts_are_exact_wherever_the_worker_died(counted_artifact: Artifact, seed: int) -> None:
    """Every bucket has the sums of the run that nothing interrupted."""
    runtime = ModelRuntime(counted_artifact)
    found = []
    for crashes in (False, True):
        worker = CountingWorker(counted_artifact, runtime, RecordingWriter())
        topic = Topic(clicks_with_everything(Random(seed), 150))
        for _ in serve(worker, topic, Random(seed), crashes=crashes):
            pass
        found.append(published_sums(worker.broker))
    assert found[0].clicks.total() > 50
    assert found[0].transitions.total() > 20
    assert found[1] == found[0]


def test_every_list_names_its_snapshot(counted_artifact: Artifact) -> None:
    """Without state the list is what trends; before the first snapshot no list names one."""
    worker = CountingWorker(counted_artifact, ModelRuntime(counted_artifact), RecordingWriter())
    random = Random(0)
    clicks = [
        make_click(f"u{offset // 2}", random.choice(["item-03", "item-07", "unknown"]), offset * 300_000, offset=offset)
        for offset in range(60)
    ]
    for _ in serve(worker, Topic([[click.record for click in clicks]]), random, crashes=False, most=3):
        pass
    lists = [json.loads(one.value or b"") for one in worker.broker.of_topic(LISTS)]
    assert "counts" not in lists[0]
    named = [one["counts"]["offset"] for one in lists if "counts" in one]
    assert named == sorted(named)
    assert len(set(named)) > 5
    strategies = {one["strategy"] for one in lists if "counts" in one}
    assert "trending" in strategies
    assert "popular" not in strategies


def test_known_items_come_first() -> None:
    """In their order, whatever stood between them."""
    items = np.array([[5, -1, 3, -1], [1, 2, 3, 4], [-1, -1, 7, -1]], np.int32)
    assert known_first(items).tolist() == [[5, 3, -1, -1], [1, 2, 3, 4], [7, -1, -1, -1]]
