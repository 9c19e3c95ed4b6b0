"""An artifact judged by the lists that it would publish, popularity beside it.

The protocol of `models.evaluation.protocol`, on lists instead of scores: for every click of a session but its first,
the list after the session's click before it. A target is found at its place in the list, behind all items of its score,
or it is a miss.

Legend: N clicks, P predictions, K list length, V items.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from export.artifact import Artifact
from export.offline import UNKNOWN_ITEM, lists_after_clicks
from export.popular_list import PopularList
from models.errors import DataError
from models.evaluation.metrics import CUTOFFS, RankingTally, catalogue_coverage, ranks_from_lists
from models.preparation.prepared_on_disk import JudgedClicks
from models.sequences.encoded_sessions import encode_sessions, enumerate_predictions


class ArtifactReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Figures over all predictions.

    Attributes:
        model_id: The artifact that made the lists.
        model: `Recall@1` and so on up to the list's length, and `Coverage@20`, the share of the catalogue that is in
            at least one of these lists.
        popularity: The same for the items most clicked in training.
        clicks: How many clicks the model was stepped through.
        predictions: How many of them were predicted.
        sessions: How many sessions the predictions come from.
        unknown_targets: How many predictions were of items that the model does not know; each counts as a miss.
    """

    model_id: str
    model: dict[str, float]
    popularity: dict[str, float]
    clicks: int
    predictions: int
    sessions: int
    unknown_targets: int


def evaluate_artifact(
    artifact: Artifact,
    clicks: pl.DataFrame,
    *,
    exclude_seen: bool | None = None,
    history: pl.DataFrame | None = None,
) -> ArtifactReport:
    """Step an artifact through test clicks and compare its lists with what was clicked next.

    Args:
        artifact: The model.
        clicks: The columns of `prepared_data.CLICK_SCHEMA`, in order of time; users start without state.
        exclude_seen: Whether what a user has clicked already is left out; None: as the manifest says.
        history: Earlier clicks (`PreparedData.test_history`): users are stepped through their own first, and these are
            not predicted.

    Raises:
        DataError: If no session has two clicks.
    """
    return evaluate_artifact_in_parts(artifact, [JudgedClicks(clicks, history)], exclude_seen=exclude_seen)


def evaluate_artifact_in_parts(
    artifact: Artifact, parts: Iterable[JudgedClicks], *, exclude_seen: bool | None = None
) -> ArtifactReport:
    """Do what `evaluate_artifact` does to test clicks in parts, of which one is in memory: the figures are the same.

    Raises:
        DataError: If no session has two clicks.
    """
    judgement = _Judgement(artifact, exclude_seen=exclude_seen)
    for part in parts:
        judgement.add(part)
    return judgement.report()


class _Judgement:
    """What was made of the parts so far."""

    def __init__(self, artifact: Artifact, *, exclude_seen: bool | None) -> None:
        self._artifact = artifact
        self._exclude_seen = exclude_seen
        self._popular = PopularList(artifact)
        self._of_model, self._of_popularity = ListTally(artifact), ListTally(artifact)
        self._clicks = self._predictions = self._sessions = self._unknown_targets = 0

    def add(self, part: JudgedClicks) -> None:
        clicks, earlier = part.clicks, 0
        if part.history is not None:
            of_users = part.history.filter(pl.col("session_id").is_in(clicks["session_id"].unique().to_list()))
            earlier = len(of_users)
            clicks = pl.concat([of_users, clicks])
        following = next_clicks(self._artifact, clicks, earlier=earlier)
        target_index = following.target_index[following.exists]
        self._clicks += len(clicks)
        self._predictions += len(target_index)
        self._sessions += following.sessions
        self._unknown_targets += int(np.count_nonzero(target_index == UNKNOWN_ITEM))
        if not len(target_index):
            return
        for block in lists_after_clicks(self._artifact, clicks, exclude_seen=self._exclude_seen):
            predicted = following.exists[block.click]
            target = following.target_index[block.click[predicted]]
            self._of_model.add(block.top_item[predicted], block.top_score[predicted], target)
            self._of_popularity.add(*self._popular.rank(block.seen_index[predicted]), target)

    def report(self) -> ArtifactReport:
        if not self._predictions:
            raise DataError("There is nothing to evaluate on: no session has two clicks. Test on a longer period.")
        return ArtifactReport(
            model_id=self._artifact.manifest.model_id,
            model=self._of_model.figures(),
            popularity=self._of_popularity.figures(),
            clicks=self._clicks,
            predictions=self._predictions,
            sessions=self._sessions,
            unknown_targets=self._unknown_targets,
        )


class NextClicks(NamedTuple):
    """What each click's list is compared with.

    Attributes:
        exists: Whether the click's session goes on with a click that is predicted, (N,).
        target_index: What that is, (N,); `UNKNOWN_ITEM` where the vocabulary does not hold it or there is none.
        sessions: How many sessions these are.
    """

    exists: NDArray[np.bool_]
    target_index: NDArray[np.int64]
    sessions: int


def next_clicks(artifact: Artifact, clicks: pl.DataFrame, *, earlier: int = 0) -> NextClicks:
    """Find each click's successor in its session, as `encoded_sessions.enumerate_predictions` lists them.

    Args:
        artifact: Its vocabulary.
        clicks: The columns of `prepared_data.CLICK_SCHEMA`, in order of time.
        earlier: How many clicks at the head of the table are history: none of them is anybody's successor.
    """
    encoded = encode_sessions(clicks, artifact.vocabulary, ())
    predictions = enumerate_predictions(encoded)
    # Rows of the table in the order of the encoded clicks: session after session, by their first clicks.
    rows = clicks.with_row_index("row").select("row", pl.col("row").min().over("session_id").alias("first_row"))
    table_row = rows.sort("first_row", maintain_order=True)["row"].to_numpy()
    click = encoded.first_click[predictions.session] + predictions.position
    judged = table_row[click] >= earlier  # (P,)
    before = table_row[click - 1][judged]
    exists = np.zeros(len(clicks), dtype=np.bool_)
    exists[before] = True
    target_index = np.full(len(clicks), UNKNOWN_ITEM)
    target_index[before] = predictions.target_index[judged]
    return NextClicks(exists, target_index, len(np.unique(predictions.session[judged])))


class ListTally:
    """Figures of lists so far.

    Args:
        artifact: Its catalogue and the length of its lists.
    """

    def __init__(self, artifact: Artifact) -> None:
        list_length = artifact.manifest.list_length
        # A list of 10 says nothing of Recall@20, unless the catalogue ends there.
        is_whole = list_length == artifact.manifest.item_count
        self._tally = RankingTally([cutoff for cutoff in CUTOFFS if cutoff <= list_length or is_whole])
        self._listed = np.zeros(artifact.manifest.item_count, dtype=np.bool_)

    def add(self, top_item: NDArray[np.int64], top_score: NDArray[np.float32], target: NDArray[np.int64]) -> None:
        """Count B lists, items and scores (B, K), and what was clicked next, (B,)."""
        ranks = ranks_from_lists(top_item, top_score, target)
        # A target that is not listed comes after every cutoff, also those beyond a short catalogue's list.
        self._tally.add(np.where(ranks > top_item.shape[1], max(*CUTOFFS, top_item.shape[1]) + 1, ranks))
        length = max(self._tally.cutoffs)
        self._listed[top_item[:, :length][top_score[:, :length] > -np.inf]] = True

    def figures(self) -> dict[str, float]:
        """Return `Recall@1` and so on, and the coverage."""
        return {**self._tally.figures(), f"Coverage@{max(self._tally.cutoffs)}": catalogue_coverage(self._listed)}
