"""The replay itself: workers of our own, clicks at their pace, and what the workers published.

1. Make topics of this run alone, start the workers, wait until they are ready.
2. Send the clicks that warm the counts as fast as the broker takes them, and wait until each has its list.
3. Send the others, each when it is due at so many times real speed, and read their lists.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from export.artifact import Artifact
from models.counts.counts_fold import Snapshot
from models.errors import BrokerError
from nextclick.demo.worker_metrics import counted
from nextclick.live_replay.clicks import LiveClicks
from nextclick.online_evaluation import STALL_TIMEOUT_S, Lists, empty_lists, put_list
from nextclick.published_lists import PublishedList, decode_list
from nextclick.replaying import replay_clicks
from nextclick.topic_reading import TopicReader
from nextclick.topics import create_topics, planned_topics
from nextclick.worker_process import WorkerProcess
from workers.settings import Settings

# Event ids begin with them.
_WARM_UP, _PACED = "warm-up", "paced"
# Told what is going on, how much of it is done, and of how much.
OnProgress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Tempo:
    """How clicks are replayed.

    Attributes:
        speed: Factor of real time.
        workers: So many share the partitions.
        partitions: Of the click topic.
    """

    speed: float
    workers: int
    partitions: int


@dataclass(frozen=True)
class ReplayedLists:
    """What workers made of a replay.

    Attributes:
        lists: Of the test clicks, in their order.
        named: The counts that each of these lists names; None: none.
        clicks_by_worker: How many clicks each worker has applied.
        seconds: From the first paced click sent to the last list read.
        most_behind_s: How far the sending fell behind its schedule at worst.
    """

    lists: Lists
    named: Sequence[Snapshot | None]
    clicks_by_worker: tuple[int, ...]
    seconds: float
    most_behind_s: float


def replay_live(
    artifact: Artifact, clicks: LiveClicks, settings: Settings, tempo: Tempo, *, logs: Path, on_progress: OnProgress
) -> ReplayedLists:
    """Replay clicks through workers that are started for it.

    Args:
        artifact: The model that they serve.
        clicks: The clicks.
        settings: The workers'; topics and group are made for this run alone.
        tempo: How fast, and among how many.
        logs: The folder of the workers' logs.
        on_progress: Told of sending and reading.

    Raises:
        BrokerError: If a click is not acknowledged or a list does not come.
        NextclickError: If a worker does not start, or ends.
    """
    broker = settings.bootstrap_servers
    create_topics(broker, planned_topics(settings), partitions=tempo.partitions, replication_factor=1)
    with ExitStack() as stack:
        workers = [
            stack.enter_context(WorkerProcess(settings, logs / f"worker-{number}.log"))
            for number in range(1, tempo.workers + 1)
        ]
        for worker in workers:
            worker.wait_until_ready()
        reading = _ListReading(
            artifact, clicks, stack.enter_context(TopicReader(broker, settings.recommendations_topic)), workers
        )
        sending = _Sending(settings, workers, on_progress)
        sending.send(clicks.warm_up, _WARM_UP, None)
        reading.read(on_progress, warm_up=len(clicks.warm_up), paced=0)
        started_s = time.monotonic()
        most_behind_s = sending.send(clicks.paced, _PACED, tempo.speed)
        reading.read(on_progress, warm_up=len(clicks.warm_up), paced=len(clicks.paced))
        seconds = time.monotonic() - started_s
        shares = tuple(_applied(worker) for worker in workers)
    return ReplayedLists(reading.lists, reading.named, shares, seconds, most_behind_s)


class _Sending:
    """Sends clicks while the workers run."""

    def __init__(self, settings: Settings, workers: Sequence[WorkerProcess], on_progress: OnProgress) -> None:
        self._settings = settings
        self._workers = workers
        self._on_progress = on_progress

    def send(self, clicks: pl.DataFrame, name: str, speed: float | None) -> float:
        """Send clicks; return how far they fell behind their schedule at worst, in seconds."""
        sent = replay_clicks(
            clicks,
            dataset=name,
            bootstrap_servers=self._settings.bootstrap_servers,
            topic=self._settings.clicks_topic,
            speed=speed,
            on_progress=lambda done, total: self._progress(f"{name} clicks sent", done, total),
        )
        if sent.acknowledged < len(clicks):
            raise BrokerError(f"{len(clicks) - sent.acknowledged} clicks were not acknowledged: {sent.first_failure}")
        return sent.most_behind_s

    def _progress(self, what: str, done: int, total: int) -> None:
        for worker in self._workers:
            worker.require_running()
        self._on_progress(what, done, total)


class _ListReading:
    """Reads the lists from the output topic; one that is published twice counts once."""

    def __init__(
        self, artifact: Artifact, clicks: LiveClicks, reader: TopicReader, workers: Sequence[WorkerProcess]
    ) -> None:
        self.lists = empty_lists(artifact, len(clicks.test))
        self.named: list[Snapshot | None] = [None] * len(clicks.test)
        self._artifact = artifact
        self._test_row = clicks.test_row.tolist()
        self._reader = reader
        self._reader.seek_to_beginning()
        self._workers = workers
        self._arrived: dict[str, set[int]] = {_WARM_UP: set(), _PACED: set()}

    def read(self, on_progress: OnProgress, *, warm_up: int, paced: int) -> None:
        """Read on until so many clicks of each part have their lists."""
        newest = time.monotonic()
        while (missing := warm_up + paced - sum(map(len, self._arrived.values()))) > 0:
            records = self._reader.poll()
            for record in records:
                self._take(decode_list(record))
            newest = time.monotonic() if records else newest
            on_progress("lists read", warm_up + paced - missing, warm_up + paced)
            for worker in self._workers:
                worker.require_running()
            if time.monotonic() - newest > STALL_TIMEOUT_S:
                raise BrokerError(f"{missing:,} clicks have no list after {STALL_TIMEOUT_S:.0f} s.")

    def _take(self, published: PublishedList) -> None:
        part, _, number = (published.event_id or "").rpartition("-")
        self._arrived[part].add(int(number))
        row = self._test_row[int(number)] if part == _PACED else -1
        if row >= 0:
            put_list(self._artifact, published.items, published.scores, self.lists[0][row], self.lists[1][row])
            named = published.counts
            self.named[row] = None if named is None else Snapshot(named.bucket, named.offset)


def _applied(worker: WorkerProcess) -> int:
    return int(counted(worker.page("/metrics") or "", "nextclick_clicks").get("applied", 0))
