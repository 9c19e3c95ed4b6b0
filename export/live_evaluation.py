"""An artifact judged with live counts: a log in order of time, every click ranked before anything learns of it.

1. Buckets of clicks enter the counts once they ended `delay_ms` ago: clicks of a bucket see nothing of each other.
2. What was clicked is compared with the list that its user had. `click`: the list made right after his click before,
   the one that a worker publishes; `request`: one made at the moment of the click, as if he had asked for it.
3. Only then the click advances its user's state, and is counted.

Legend: N clicks, B clicks of one run, K list length, R ring length.
"""

from collections.abc import Iterator
from typing import Literal

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from export.artifact import Artifact
from export.artifact_evaluation import ListTally
from export.offline import UNKNOWN_ITEM, USERS_AT_ONCE, Timeline, item_indices, timeline_of
from export.runtime import ModelRuntime, no_exclusions
from models.counts.click_columns import ClickColumns
from models.counts.live_counts import LiveCounts
from models.counts.log_feed import LogFeed
from models.counts.ranking_rule import CountsRanking
from models.counts.recipe import CountsRecipe
from models.counts.validation_questions import click_columns
from models.errors import ArtifactError, DataError
from models.preparation.sessions import values_of
from models.sequences.features import encode_features

RankedAt = Literal["click", "request"]


class LiveReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Figures over all predictions.

    Attributes:
        model_id: The artifact that made the lists.
        delay_ms: How long ago what the counts knew of had to be.
        ranked_at: When lists were made.
        model: `Recall@1` and so on up to the list's length, and `Coverage@20`.
        popularity: The same for what was clicked most lately, as of the same moments.
        clicks: How many clicks the model was stepped through.
        predictions: How many of them were predicted.
        sessions: How many sessions the predictions come from.
        unknown_targets: How many predictions were of items that the model does not know; each counts as a miss.
    """

    model_id: str
    delay_ms: int
    ranked_at: RankedAt
    model: dict[str, float]
    popularity: dict[str, float]
    clicks: int
    predictions: int
    sessions: int
    unknown_targets: int


def evaluate_live(
    artifact: Artifact,
    before: pl.DataFrame,
    clicks: pl.DataFrame,
    *,
    delay_ms: int,
    ranked_at: RankedAt = "request",
    exclude_seen: bool | None = None,
) -> LiveReport:
    """Step an artifact through test clicks with counts that follow them.

    Args:
        artifact: The model, with a recipe for counts; where that says `useless` lists are made without.
        before: Clicks that are counted but not predicted, the training clicks; they may overlap the others in time.
        clicks: The clicks to predict, the columns of `models.preparation.prepared_data.CLICK_SCHEMA`, in order of time.
        delay_ms: 0: buckets count from their end on.
        ranked_at: When lists are made.
        exclude_seen: Whether what a user has clicked already is left out; None: as the manifest says.

    Raises:
        ArtifactError: If the artifact has no counts.
        DataError: If no session has two clicks.
    """
    recipe = artifact.manifest.counts
    if recipe is None:
        raise ArtifactError(
            f"Model {artifact.manifest.model_id} has no live counts: fit them with `nextclick fit-counts` and export "
            "it with `--counts`, or train it with `fit = true` under [live_counts]."
        )
    log = _Log(artifact, clicks)
    if not len(log.predicted):
        raise DataError("There is nothing to evaluate on: no session has two clicks. Test on a longer period.")
    run = _LiveRun(
        artifact,
        log,
        click_columns(pl.concat([before, clicks]), artifact.vocabulary.item_ids),
        recipe,
        exclude_seen=exclude_seen,
    )
    model, popularity = ListTally(artifact), ListTally(artifact)
    for rows in _runs(log, delay_ms, recipe.bucket_ms):
        bucket = (int(log.timestamp_ms[rows[0]]) - delay_ms) // recipe.bucket_ms - 1
        if ranked_at == "click":
            run.step(rows)
            listed = rows[log.next_row[rows] >= 0]
            target = log.item_index[log.next_row[listed]]
        else:
            listed = rows[log.has_previous[rows]]
            target = log.item_index[listed]
        if len(listed):
            model.add(*run.lists(listed, bucket), target)
            popularity.add(*run.popular(len(listed)), target)
        if ranked_at == "request":
            run.step(rows)
    targets = log.item_index[log.predicted]
    return LiveReport(
        model_id=artifact.manifest.model_id,
        delay_ms=delay_ms,
        ranked_at=ranked_at,
        model=model.figures(),
        popularity=popularity.figures(),
        clicks=len(clicks),
        predictions=len(targets),
        sessions=int(np.count_nonzero((log.next_row >= 0) & ~log.has_previous)),
        unknown_targets=int(np.count_nonzero(targets == UNKNOWN_ITEM)),
    )


class _Log:
    """The clicks to predict, as columns.

    Attributes:
        timeline: Users, gaps and where sessions begin.
        item_index: What was clicked, (N,).
        timestamp_ms: When, (N,).
        next_row: The next click of the same session, (N,); -1 where there is none.
        has_previous: Whether the session has a click before, (N,).
        predicted: Which clicks are predicted: those with one before.
        features: float32 (N, F).
    """

    def __init__(self, artifact: Artifact, clicks: pl.DataFrame) -> None:
        self.timeline: Timeline = timeline_of(clicks, artifact.manifest.session_rule)
        self.item_index = item_indices(artifact, clicks)
        self.timestamp_ms = clicks["timestamp_ms"].to_numpy()
        session = clicks["session_id"].rank("dense").to_numpy()
        order = np.argsort(session, kind="stable")
        follows = session[order][1:] == session[order][:-1]
        self.next_row = np.full(len(clicks), -1)
        self.next_row[order[:-1][follows]] = order[1:][follows]
        self.has_previous = np.zeros(len(clicks), dtype=np.bool_)
        self.has_previous[order[1:][follows]] = True
        self.predicted = np.flatnonzero(self.has_previous)
        self.features = encode_features(
            artifact.manifest.features,
            self.timeline.gap_ms,
            clicks["event_type"].to_list(),
            values_of(clicks["value"]),
        )


class _LiveRun:
    """Users' states and everyone's counts, as they are so far."""

    def __init__(
        self, artifact: Artifact, log: _Log, everyone: ClickColumns, recipe: CountsRecipe, *, exclude_seen: bool | None
    ) -> None:
        manifest = artifact.manifest
        self._log = log
        self._excludes = manifest.exclude_seen if exclude_seen is None else exclude_seen
        self._runtime = ModelRuntime(artifact)
        self._state = self._runtime.initial_state(log.timeline.user_count)  # each (U, ...)
        self._rings = no_exclusions(log.timeline.user_count, manifest.ring_length)  # (U, R), newest last
        self._counts = LiveCounts(recipe, manifest.item_count)
        self._feed = LogFeed(everyone, recipe)
        self._ranking = CountsRanking(self._counts)
        self._is_useless = recipe.useless
        self._list_length = manifest.list_length
        self._popular = self._best_by_bias()

    def step(self, rows: NDArray[np.int64]) -> None:
        """Advance the users of some clicks by them, a click a user."""
        user, item = self._log.timeline.user[rows], self._log.item_index[rows]
        begins = self._log.timeline.begins_session[rows]
        for tensor in self._state:
            tensor[user[begins]] = 0
        known = item != UNKNOWN_ITEM
        stepped = self._runtime.step(
            item[known], self._log.features[rows[known]], tuple(tensor[user[known]] for tensor in self._state)
        )
        for tensor, advanced in zip(self._state, stepped, strict=True):
            tensor[user[known]] = advanced
        self._rings[user[known]] = np.concatenate([self._rings[user[known], 1:], item[known, None]], axis=1)

    def lists(self, rows: NDArray[np.int64], bucket: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Rank for the users of some clicks by the counts as of a bucket, (B, K)."""
        if self._counts.bucket is None or bucket > self._counts.bucket:
            self._feed.advance(self._counts, bucket)
            self._ranking.refresh()
            self._popular = self._best_by_bias()
        user = self._log.timeline.user[rows]
        rings = self._rings[user]
        seen = rings if self._excludes else no_exclusions(len(user), rings.shape[1])
        state = tuple(tensor[user] for tensor in self._state)
        if self._is_useless:
            return self._runtime.rank(state, seen, np.zeros_like(self._ranking.item_bias))
        return self._runtime.rank(state, seen, self._ranking.item_bias, self._ranking.boosts(rings[:, ::-1]))

    def popular(self, count: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the same list for so many users: what is clicked most now, (B, K)."""
        item, score = self._popular
        return np.tile(item, (count, 1)), np.tile(score, (count, 1))

    def _best_by_bias(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        bias = self._ranking.item_bias
        best = np.argsort(-bias, kind="stable")[: self._list_length]
        return best, bias[best]


def _runs(log: _Log, delay_ms: int, bucket_ms: int) -> Iterator[NDArray[np.int64]]:
    """Cut the clicks, in order of time, into runs of one bucket in which no user occurs twice."""
    bucket = (log.timestamp_ms - delay_ms) // bucket_ms
    start, users = 0, set[int]()
    for row, user in enumerate(log.timeline.user.tolist()):
        if row > start and (user in users or bucket[row] != bucket[start] or row - start == USERS_AT_ONCE):
            yield np.arange(start, row)
            start, users = row, set()
        users.add(user)
    yield np.arange(start, len(log.timestamp_ms))
