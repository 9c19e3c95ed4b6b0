"""Workers and finished runs that several tests share: a start costs seconds, most of them for the group to form."""

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random

import polars as pl
import pytest

from export.artifact import Artifact
from models.datasets import dataset_named
from models.datasets.folders import find_dataset
from models.preparation.prepared_data import CLICK_SCHEMA
from nextclick.replaying import replay_clicks
from tests.click_tables import MAY_2024_MS
from tests.factories import make_tiny_artifact
from tests.integration.counting_clicks import RECIPE
from tests.integration.harness import Stream, Worker, lists_by_click, make_stream, running_worker
from tests.shared_artifacts import made_once

# Long enough for batches of many users, short enough to be read twice in a second.
REPLAYED_CLICKS = 1_200


@pytest.fixture(scope="package")
def counting_artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """The tiny model with a recipe for live counts."""
    return make_tiny_artifact(tmp_path_factory.mktemp("counting"), counts=RECIPE)


@dataclass(frozen=True)
class Serving:
    """A worker at work.

    Attributes:
        stream: Its topics.
        worker: Its process.
        answers: What /readyz said from the start until it was ready.
    """

    stream: Stream
    worker: Worker
    answers: list[tuple[int, str]]

    def settle(self) -> int:
        """Wait until every record of the click topic is accounted for; return how many there are."""
        count = len(self.stream.read_all(self.stream.settings.clicks_topic))
        self.worker.wait_for_clicks(count)
        return count


@pytest.fixture(scope="package")
def serving(broker: str, tiny_artifact: Artifact, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A worker with the default settings, loud and in JSON: give your users names of their own."""
    stream = make_stream(
        broker, tiny_artifact.folder, f"serving-{uuid.uuid4().hex[:8]}", log_format="json", log_level="DEBUG"
    )
    with running_worker(stream, tmp_path_factory.mktemp("serving")) as worker:
        yield Serving(stream, worker, worker.wait_until_ready())


@dataclass(frozen=True)
class Replay:
    """A slice of a click log and a model of its items.

    Attributes:
        name: The log's.
        clicks: In order of time, of `models.preparation.prepared_data.CLICK_SCHEMA`.
        artifact: Untrained, of lists of 20.
    """

    name: str
    clicks: pl.DataFrame
    artifact: Artifact

    def send(self, stream: Stream) -> None:
        """Replay the slice into the click topic."""
        settings = stream.settings
        report = replay_clicks(
            self.clicks, dataset=self.name, bootstrap_servers=settings.bootstrap_servers, topic=settings.clicks_topic
        )
        assert report.acknowledged == self.clicks.height


@pytest.fixture(scope="package")
def replay(tmp_path_factory: pytest.TempPathFactory) -> Replay:
    """Real test clicks of e-shop where NEXTCLICK_DATA names a folder that has them, made ones otherwise."""
    name, items, clicks = _eshop_slice() or _made_slice()

    def make(folder: Path) -> Artifact:
        from tests.factories import make_tiny_artifact  # noqa: PLC0415 - torch

        return make_tiny_artifact(folder, item_ids=items, list_length=20, ring_length=10)

    return Replay(name, clicks, made_once(tmp_path_factory, "replayed", make))


def _eshop_slice() -> tuple[str, list[str], pl.DataFrame] | None:
    data_folder = os.environ.get("NEXTCLICK_DATA")
    found = None if data_folder is None else find_dataset(dataset_named("eshop"), Path(data_folder))
    if found is None:
        return None
    from models.preparation.preparing import prepare_dataset  # noqa: PLC0415 - reads the whole split

    prepared = prepare_dataset(dataset_named("eshop"), Path(str(data_folder)))
    items = sorted(prepared.train["item_id"].unique())
    return "eshop", items, prepared.test.head(REPLAYED_CLICKS)


def _made_slice() -> tuple[str, list[str], pl.DataFrame]:
    """Eighty users with sessions of a few clicks; every twentieth click is on an item that the model does not know."""
    random = Random(3)
    items = [f"item-{number:02}" for number in range(60)]
    rows = []
    for number in range(REPLAYED_CLICKS):
        user = random.randrange(80)
        item = "unknown" if number % 20 == 0 else items[int(random.paretovariate(0.6)) % len(items)]
        rows.append((f"user-{user}", f"user-{user}:{number // 300}", item, MAY_2024_MS + 7_000 * number, "view", None))
    return "made", items, pl.DataFrame(rows, schema=CLICK_SCHEMA, orient="row")


@dataclass(frozen=True)
class FinishedRun:
    """What a worker left behind when it was stopped at the end of the replay.

    Attributes:
        stream: Its topics and settings.
        lists: Each list's body without the click topic's name, by its click's partition and offset.
        states: Each user's newest record in the changelog.
        exit_code: After SIGTERM.
        stopped_after_s: From SIGTERM to the end of the process.
    """

    stream: Stream
    lists: dict[tuple[int, int], dict[str, object]]
    states: dict[str, bytes]
    exit_code: int
    stopped_after_s: float


@dataclass(frozen=True)
class FinishedRuns:
    """The same clicks, run twice."""

    per_click: FinishedRun
    per_batch: FinishedRun


@pytest.fixture(scope="package")
def finished_runs(broker: str, replay: Replay, tmp_path_factory: pytest.TempPathFactory) -> FinishedRuns:
    """One worker with `publish=per-click` and one with `per-batch`; memory and RocksDB; the clicks were there first."""
    name = uuid.uuid4().hex[:8]
    per_click = make_stream(broker, replay.artifact.folder, f"per-click-{name}")
    per_batch = make_stream(
        broker,
        replay.artifact.folder,
        f"per-batch-{name}",
        publish="per-batch",
        store="rocksdb",
        state_folder=tmp_path_factory.mktemp("state"),
    )
    streams = (per_click, per_batch)
    for stream in streams:
        replay.send(stream)
    with ExitStack() as stack:
        workers = [stack.enter_context(running_worker(stream, tmp_path_factory.mktemp("run"))) for stream in streams]
        return FinishedRuns(*(_finish(*run, replay.clicks.height) for run in zip(streams, workers, strict=True)))


def _finish(stream: Stream, worker: Worker, clicks: int) -> FinishedRun:
    worker.wait_until_ready()
    worker.wait_for_clicks(clicks)
    started = time.monotonic()
    exit_code = worker.stop()
    return FinishedRun(stream, lists_by_click(stream), stream.states(), exit_code, time.monotonic() - started)
