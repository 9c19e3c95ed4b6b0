"""A replayed click log: the published lists are the offline ones, and stopping the worker loses nothing."""

from collections.abc import Iterator, Mapping

import numpy as np
import polars as pl
import pytest

from export.artifact_evaluation import evaluate_artifact, next_clicks
from models.evaluation.metrics import RankingTally, ranks_from_lists
from tests.integration.conftest import FinishedRun, FinishedRuns, Replay
from tests.integration.harness import FAUST_WORKER, NEXTCLICK_WORKER, Worker, running_worker
from tests.integration.offline_lists import offline_lists, published

pytestmark = pytest.mark.broker

# What a worker may take to finish its batch, commit and leave its group; Compose and Kubernetes give it 30 by default.
STOPPED_WITHIN_S = 10


def test_published_lists_are_the_offline_lists(replay: Replay, finished_runs: FinishedRuns) -> None:
    """Every click of the log has its list, items and scores those of the offline evaluation, to the last bit."""
    by_event = {body["event_id"]: body for body in finished_runs.per_click.lists.values()}
    in_order = [by_event[f"{replay.name}-{row}"] for row in range(replay.clicks.height)]
    assert len(by_event) == len(finished_runs.per_click.lists) == replay.clicks.height
    assert published(in_order) == offline_lists(replay.artifact, replay.clicks)


def test_published_lists_score_as_the_offline_evaluation_does(replay: Replay, finished_runs: FinishedRuns) -> None:
    """Recall@20 and MRR@20 of what was read from Kafka equal those of `nextclick evaluate`."""
    by_event = {body["event_id"]: body for body in finished_runs.per_click.lists.values()}
    following = next_clicks(replay.artifact, replay.clicks)
    (rows,) = np.nonzero(following.exists)
    lists = published([by_event[f"{replay.name}-{row}"] for row in rows])
    ranks = ranks_from_lists(
        np.array([[replay.artifact.vocabulary.index_of(item) for item in items] for items, _ in lists]),
        np.array([scores for _, scores in lists], np.float32),
        following.target_index[rows],
    )
    tally = RankingTally([20])
    tally.add(ranks)
    offline = evaluate_artifact(replay.artifact, replay.clicks).model
    assert tally.predictions > 500
    assert 0 < tally.figures()["Recall@20"] < 1
    # The same terms, added in another order.
    assert tally.figures() == pytest.approx({name: offline[name] for name in tally.figures()}, rel=1e-12)


def test_per_batch_publishes_each_users_newest(finished_runs: FinishedRuns, replay: Replay) -> None:
    """A burst leads to fewer lists than clicks; those that come are the per-click ones; the states are the same."""
    per_click, per_batch = finished_runs.per_click, finished_runs.per_batch
    users = replay.clicks["user_id"].n_unique()
    assert users <= len(per_batch.lists) < replay.clicks.height
    assert per_batch.lists.items() <= per_click.lists.items()
    newest = replay.clicks.with_row_index("row").group_by("user_id").agg(pl.col("row").last())["row"]
    assert {f"{replay.name}-{row}" for row in newest} <= {body["event_id"] for body in per_batch.lists.values()}
    assert per_batch.states == per_click.states
    assert set(per_click.states) == set(replay.clicks["user_id"])


@pytest.mark.parametrize("name", ["per_click", "per_batch"])
def test_sigterm_ends_a_worker_in_time(finished_runs: FinishedRuns, name: str) -> None:
    """Exit code 0 within ten seconds."""
    run: FinishedRun = getattr(finished_runs, name)
    assert run.exit_code == 0
    assert run.stopped_after_s < STOPPED_WITHIN_S


@pytest.fixture(scope="module")
def restarted(finished_runs: FinishedRuns, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Worker]]:
    """Start both workers again, side by side, one of them by Faust's own command line."""
    first, second = (tmp_path_factory.mktemp("restarted") for _ in range(2))
    with (
        running_worker(finished_runs.per_click.stream, first, command=FAUST_WORKER) as per_click,
        running_worker(finished_runs.per_batch.stream, second, command=NEXTCLICK_WORKER) as per_batch,
    ):
        yield {"per_click": per_click, "per_batch": per_batch}


@pytest.mark.parametrize(
    "name", ["per_click", "per_batch"], ids=["memory, faust -A workers.app worker", "rocksdb, nextclick worker"]
)
def test_a_restarted_worker_goes_on_where_it_stopped(
    finished_runs: FinishedRuns, restarted: Mapping[str, Worker], replay: Replay, name: str
) -> None:
    """States are restored before it is ready, nothing is redelivered, and the next list is the offline one."""
    run: FinishedRun = getattr(finished_runs, name)
    last = replay.clicks.tail(1).to_dicts()[0]
    next_click = {**last, "item_id": replay.clicks["item_id"][1], "timestamp_ms": last["timestamp_ms"] + 1_000}
    user_id = str(last["user_id"])
    before = len([body for body in run.lists.values() if body["user_id"] == user_id])

    restarted[name].wait_until_ready()
    run.stream.send([next_click])
    body = run.stream.lists_of(user_id, before + 1)[-1]
    restarted[name].wait_for_clicks(1)
    assert restarted[name].clicks() == {"applied": 1, "redelivered": 0, "without_consent": 0, "dead_letter": 0}

    all_clicks = pl.concat([replay.clicks, pl.DataFrame([next_click], schema=replay.clicks.schema)])
    theirs = all_clicks.filter(pl.col("user_id") == user_id)
    assert published([body]) == offline_lists(replay.artifact, theirs)[-1:]
    states = run.stream.states()
    assert states.keys() == run.states.keys()
    assert {user for user, record in states.items() if record != run.states[user]} == {user_id}
    assert run.stream.decoded_states()[user_id].clicks == theirs.height
