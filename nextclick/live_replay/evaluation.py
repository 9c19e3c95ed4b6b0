"""Live counts online against offline: the figures of published lists beside those of the offline evaluation.

Online nobody chooses the delay, it is observed: the age of a list's counts is its click's time less the end of the
newest bucket in them. Offline, at delay d, ages lie between d and a bucket more, whatever moment of a bucket a click
falls on; so the offline lists are as old as the published ones on average where d is their mean age less half a bucket.
The mean, because what late counts cost grows in proportion to how late they are.

With the snapshots pinned nothing is estimated: each list is made again from the counts that it names.

Legend: N clicks.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from export.artifact import Artifact
from export.artifact_evaluation import next_clicks
from export.live_evaluation import evaluate_live
from models.counts.counts_fold import Snapshot
from models.errors import ArtifactError, DataError
from nextclick.live_replay.clicks import LiveClicks
from nextclick.live_replay.pinned_lists import pinned_lists
from nextclick.live_replay.replayed_lists import OnProgress, Tempo, replay_live
from nextclick.online_evaluation import figures_of, own_settings
from nextclick.topic_reading import TopicReader
from nextclick.trending import topic_records


class CountsAge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How old the counts of judged lists were, in event time."""

    median_ms: float
    p90_ms: float
    mean_ms: float


class LiveReplayReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Online and offline side by side.

    Attributes:
        model_id: The artifact that made the lists.
        warm_up_clicks: Training clicks sent before the first test click.
        paced_clicks: Clicks sent at their pace, the test clicks and training clicks among them.
        clicks: Test clicks.
        predictions: How many of their lists are judged, by the next click of the session.
        clicks_by_worker: How many clicks each worker has applied.
        seconds: From the first paced click sent to the last list read.
        most_behind_s: How far the sending fell behind its schedule at worst.
        age: How old the counts of judged lists were.
        without_counts: Judged lists that name no counts; they are in no age.
        delay_ms: What the offline evaluation was given.
        offline: Its figures, `Recall@20` and the like.
        online: The same of the published lists.
        pinned: The same of the lists made offline from the counts that each published list names.
        identical_lists: Published lists that equal those in items and scores, bit for bit.
        topics: What this run's topics begin with; they are left as they are.
    """

    model_id: str
    warm_up_clicks: int
    paced_clicks: int
    clicks: int
    predictions: int
    clicks_by_worker: tuple[int, ...]
    seconds: float
    most_behind_s: float
    age: CountsAge
    without_counts: int
    delay_ms: int
    offline: dict[str, float]
    online: dict[str, float]
    pinned: dict[str, float]
    identical_lists: int
    topics: str

    @property
    def is_equal(self) -> bool:
        """Whether every published list is the one that its counts give."""
        return self.identical_lists == self.clicks


def evaluate_live_online(
    artifact: Artifact,
    clicks: LiveClicks,
    tempo: Tempo,
    *,
    bootstrap_servers: str,
    logs: Path,
    exclude_seen: bool,
    on_progress: OnProgress,
) -> LiveReplayReport:
    """Replay test clicks through workers that count them, and judge their lists beside the offline ones.

    Args:
        artifact: A model with a recipe for live counts.
        clicks: What is replayed.
        tempo: How fast, and among how many workers.
        bootstrap_servers: The broker.
        logs: The folder of the workers' logs.
        exclude_seen: Whether lists leave out what the user has clicked.
        on_progress: Told of sending and reading.

    Raises:
        ArtifactError: If the model ranks without live counts.
        BrokerError: If a click is not acknowledged or a list does not come.
        CountsRecordError: If a list names a snapshot that the counts topic does not have.
        DataError: If no session has two clicks, or no list counts.
        NextclickError: If a worker does not start, or ends.
    """
    recipe = artifact.manifest.counts
    if recipe is None or recipe.useless:
        raise ArtifactError(
            f"Model {artifact.manifest.model_id} ranks without live counts: leave `--live` out, or fit them with "
            "`nextclick train` or `nextclick fit-counts` and export it again."
        )
    test = clicks.test
    judged = next_clicks(artifact, test).exists  # (N,)
    if not judged.any():
        raise DataError("There is nothing to judge: no test session has two clicks. Replay more of them.")
    settings = own_settings(artifact, bootstrap_servers, exclude_seen=exclude_seen, live_counts=True)
    replayed = replay_live(artifact, clicks, settings, tempo, logs=logs, on_progress=on_progress)
    ages_ms = _ages_ms(test, replayed.named, recipe.bucket_ms)[judged]
    age = _age(ages_ms)
    delay_ms = max(0, round(age.mean_ms - recipe.bucket_ms / 2))
    offline = evaluate_live(
        artifact, clicks.before, test, delay_ms=delay_ms, ranked_at="click", exclude_seen=exclude_seen
    )
    with TopicReader(bootstrap_servers, settings.counts_topic) as reader:
        counts = topic_records(reader)
        pinned = pinned_lists(artifact, recipe, test, replayed.named, counts, exclude_seen=exclude_seen)
    online = replayed.lists
    identical = np.all(online[0] == pinned[0], axis=1) & np.all(online[1] == pinned[1], axis=1)
    return LiveReplayReport(
        model_id=artifact.manifest.model_id,
        warm_up_clicks=len(clicks.warm_up),
        paced_clicks=len(clicks.paced),
        clicks=len(test),
        predictions=int(np.count_nonzero(judged)),
        clicks_by_worker=replayed.clicks_by_worker,
        seconds=replayed.seconds,
        most_behind_s=replayed.most_behind_s,
        age=age,
        without_counts=int(np.count_nonzero(np.isnan(ages_ms))),
        delay_ms=delay_ms,
        offline=offline.model,
        online=figures_of(artifact, test, *online),
        pinned=figures_of(artifact, test, *pinned),
        identical_lists=int(np.count_nonzero(identical)),
        topics=settings.app_id,
    )


def _age(ages_ms: NDArray[np.float64]) -> CountsAge:
    known = ages_ms[~np.isnan(ages_ms)]
    if not len(known):
        raise DataError("No judged list was ranked with live counts: replay more test clicks, or warm up for longer.")
    return CountsAge(float(np.median(known)), float(np.percentile(known, 90)), float(known.mean()))


def _ages_ms(test: pl.DataFrame, named: Sequence[Snapshot | None], bucket_ms: int) -> NDArray[np.float64]:
    """Return how old each list's counts were, (N,); NaN where it names none."""
    ended_ms = np.array([np.nan if one is None else (one.bucket + 1) * bucket_ms for one in named])
    ages_ms: NDArray[np.float64] = test["timestamp_ms"].to_numpy() - ended_ms
    return ages_ms
