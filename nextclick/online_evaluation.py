"""The proof that online equals offline: test clicks through Kafka and a real worker, its lists against ours.

Legend: N clicks, K list length.
"""

import json
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
from kafka.consumer.fetcher import ConsumerRecord
from numpy.typing import NDArray

from export.artifact import Artifact
from export.artifact_evaluation import ListTally, next_clicks
from export.offline import lists_after_clicks
from models.errors import BrokerError
from nextclick.replaying import replay_clicks
from nextclick.topic_reading import TopicReader
from nextclick.topics import create_topics, planned_topics
from nextclick.worker_process import WorkerProcess
from workers.settings import Settings, load_settings

PARTITIONS = 4
# No list for this long although some are missing: the worker is stuck, or has lost one.
STALL_TIMEOUT_S = 30.0


class OnlineReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Offline and online side by side.

    Attributes:
        clicks: Clicks sent; each must have its list.
        identical_lists: Lists whose items and scores equal the offline list of the same click, bit for bit.
        offline: `Recall@20` and the like of the offline lists.
        online: The same of the lists that were read from the output topic.
        seconds: From the first click sent to the last list read.
    """

    clicks: int
    identical_lists: int
    offline: dict[str, float]
    online: dict[str, float]
    seconds: float

    @property
    def is_equal(self) -> bool:
        """Whether every list is the offline one."""
        return self.identical_lists == self.clicks


def evaluate_online(
    artifact: Artifact,
    clicks: pl.DataFrame,
    *,
    bootstrap_servers: str,
    log: Path,
    exclude_seen: bool,
    on_progress: Callable[[int, int], None],
) -> OnlineReport:
    """Send test clicks through a real worker with `publish=per-click` and hold its lists against the offline ones.

    Topics and group are made for this run alone.

    Args:
        artifact: The model that the worker serves.
        clicks: The columns of `models.preparation.prepared_data.CLICK_SCHEMA`, N of them, in order of time.
        bootstrap_servers: The broker.
        log: Where the worker's log goes.
        exclude_seen: Whether lists leave out what the user has clicked.
        on_progress: Told how many lists have come, of how many.

    Raises:
        BrokerError: If a click is not acknowledged or a list does not come.
        NextclickError: If the worker does not start.
    """
    # With live counts lists depend on the moment: `nextclick.live_replay` is their proof.
    settings = own_settings(artifact, bootstrap_servers, exclude_seen=exclude_seen, live_counts=False)
    create_topics(bootstrap_servers, planned_topics(settings), partitions=PARTITIONS, replication_factor=1)
    with WorkerProcess(settings, log) as worker:
        worker.wait_until_ready()
        started = time.monotonic()
        sent = replay_clicks(clicks, dataset="test", bootstrap_servers=bootstrap_servers, topic=settings.clicks_topic)
        if sent.acknowledged < len(clicks):
            raise BrokerError(f"{len(clicks) - sent.acknowledged} clicks were not acknowledged: {sent.first_failure}")
        online = _read_lists(settings, artifact, len(clicks), worker, on_progress)
        seconds = time.monotonic() - started
    offline = _offline_lists(artifact, clicks, exclude_seen=exclude_seen)
    identical = np.all(online[0] == offline[0], axis=1) & np.all(online[1] == offline[1], axis=1)
    return OnlineReport(
        clicks=len(clicks),
        identical_lists=int(np.count_nonzero(identical)),
        offline=figures_of(artifact, clicks, *offline),
        online=figures_of(artifact, clicks, *online),
        seconds=seconds,
    )


# Items (N, K), -1 where a list has no more, and scores (N, K), -inf there; row n is the list of click n.
Lists = tuple[NDArray[np.int64], NDArray[np.float32]]


def own_settings(artifact: Artifact, bootstrap_servers: str, *, exclude_seen: bool, live_counts: bool) -> Settings:
    """Return the settings of workers whose topics and group nobody else has."""
    name = f"online-eval-{uuid.uuid4().hex[:8]}"
    return load_settings(
        bootstrap_servers=bootstrap_servers,
        artifact=artifact.folder,
        app_id=name,
        clicks_topic=f"{name}-clicks",
        recommendations_topic=f"{name}-recommendations",
        dead_letter_topic=f"{name}-dead-letter",
        publish="per-click",
        exclude_seen=exclude_seen,
        live_counts=live_counts,
        # A group forms on the embedded broker only after half of it.
        session_timeout_s=6,
    )


def empty_lists(artifact: Artifact, count: int) -> Lists:
    """Return so many lists of nothing."""
    shape = (count, artifact.manifest.list_length)
    return np.full(shape, -1, dtype=np.int64), np.full(shape, -np.inf, dtype=np.float32)


def _read_lists(
    settings: Settings, artifact: Artifact, count: int, worker: WorkerProcess, on_progress: Callable[[int, int], None]
) -> Lists:
    """Read the lists of all clicks from the output topic; a list that is published twice counts once."""
    top_item, top_score = empty_lists(artifact, count)
    arrived: set[int] = set()
    newest = time.monotonic()
    with TopicReader(settings.bootstrap_servers, settings.recommendations_topic) as reader:
        reader.seek_to_beginning()
        while len(arrived) < count:
            records = reader.poll()
            for record in records:
                arrived.add(_fill(record, artifact, top_item, top_score))
            newest = time.monotonic() if records else newest
            on_progress(len(arrived), count)
            worker.require_running()
            if time.monotonic() - newest > STALL_TIMEOUT_S:
                raise BrokerError(
                    f"{count - len(arrived)} of {count} clicks have no list after {STALL_TIMEOUT_S:.0f} s."
                )
    return top_item, top_score


def _fill(
    record: ConsumerRecord, artifact: Artifact, top_item: NDArray[np.int64], top_score: NDArray[np.float32]
) -> int:
    """Put a published list in its click's row; return the row."""
    body = json.loads(record.value)
    # `replay_clicks` gives the n-th click the event id `test-n`.
    row = int(body["event_id"].removeprefix("test-"))
    put_list(artifact, body["items"], body["scores"], top_item[row], top_score[row])
    return row


def put_list(
    artifact: Artifact,
    items: Sequence[str],
    scores: Sequence[float],
    top_item: NDArray[np.int64],
    top_score: NDArray[np.float32],
) -> None:
    """Put a published list in a row of lists, (K,) each."""
    indices = [artifact.vocabulary.index_of(item_id) for item_id in items]
    top_item[: len(indices)] = [-1 if index is None else index for index in indices]
    top_score[: len(indices)] = scores


def _offline_lists(artifact: Artifact, clicks: pl.DataFrame, *, exclude_seen: bool) -> Lists:
    top_item, top_score = empty_lists(artifact, len(clicks))
    for block in lists_after_clicks(artifact, clicks, exclude_seen=exclude_seen):
        top_item[block.click] = np.where(np.isfinite(block.top_score), block.top_item, -1)
        top_score[block.click] = block.top_score
    return top_item, top_score


def figures_of(
    artifact: Artifact, clicks: pl.DataFrame, top_item: NDArray[np.int64], top_score: NDArray[np.float32]
) -> dict[str, float]:
    """Return `Recall@20` and the like of each click's list, against the next click of its session."""
    following = next_clicks(artifact, clicks)
    tally = ListTally(artifact)
    tally.add(top_item[following.exists], top_score[following.exists], following.target_index[following.exists])
    return tally.figures()
