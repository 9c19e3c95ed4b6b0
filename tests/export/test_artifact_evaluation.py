from pathlib import Path

import polars as pl
import pytest

from export.artifact import Artifact
from export.artifact_evaluation import evaluate_artifact, evaluate_artifact_in_parts, next_clicks
from export.offline import lists_after_clicks
from models.errors import DataError
from models.evaluation.protocol import evaluate_network, evaluate_popularity
from models.preparation.prepared_data import Description, EvaluationProtocol, PreparedData
from models.preparation.prepared_on_disk import open_prepared_data
from models.sequences.encoded_sessions import encode_sessions
from models.session_rule import SessionRule
from tests.factories import make_click_table, make_tiny_artifact, make_tiny_network


def test_each_click_is_compared_with_the_next_one_of_its_session(tiny_artifact: Artifact) -> None:
    """Sessions may lie between each other; a session's last click is compared with nothing."""
    clicks = make_click_table(
        [
            ("ada", "item-00", 0, "a"),
            ("bob", "item-10", 1, "b"),
            ("ada", "item-01", 2, "a"),
            ("cleo", "item-20", 3, "c"),
            ("bob", "gone", 4, "b"),
            ("ada", "item-02", 5, "a"),
        ]
    )
    following = next_clicks(tiny_artifact, clicks)
    assert following.exists.tolist() == [True, True, True, False, False, False]
    assert following.target_index[:3].tolist() == [1, -1, 2]
    assert following.sessions == 2


def test_popularity_is_counted_by_hand(tiny_artifact: Artifact) -> None:
    """The popular list is item-00, item-01 and so on: targets in places 2, 1, and not among the ten."""
    clicks = make_click_table([("ada", "item-05"), ("ada", "item-01"), ("ada", "item-00"), ("ada", "item-15")])
    report = evaluate_artifact(tiny_artifact, clicks)
    assert report.popularity["Recall@1"] == pytest.approx(1 / 3)
    assert report.popularity["Recall@10"] == pytest.approx(2 / 3)
    assert report.popularity["MRR@10"] == pytest.approx((1 / 2 + 1) / 3)
    assert report.popularity["Coverage@10"] == pytest.approx(10 / 30)
    assert (report.clicks, report.predictions, report.sessions, report.unknown_targets) == (4, 3, 1, 0)


def test_a_list_of_ten_says_nothing_of_the_first_twenty(tiny_artifact: Artifact) -> None:
    """Cutoffs beyond the list's length are left out, not made up."""
    report = evaluate_artifact(tiny_artifact, make_click_table([("ada", "item-05"), ("ada", "item-01")]))
    assert "Recall@10" in report.model
    assert "Recall@20" not in report.model


def test_an_unknown_target_is_a_miss(tiny_artifact: Artifact) -> None:
    """It counts among the predictions all the same."""
    report = evaluate_artifact(tiny_artifact, make_click_table([("ada", "item-05"), ("ada", "gone")]))
    assert (report.predictions, report.unknown_targets, report.model["Recall@10"]) == (1, 1, 0.0)


@pytest.mark.parametrize("exclude_last", [0, 50], ids=["include-seen", "exclude-seen"])
def test_lists_and_scores_give_the_same_figures(
    whole_list_artifact: Artifact, walks: pl.DataFrame, exclude_last: int
) -> None:
    """From float32 states, the artifact's lists are what the network's own evaluation says they are."""
    report = evaluate_artifact(whole_list_artifact, walks, exclude_seen=exclude_last > 0)
    sessions = encode_sessions(walks, whole_list_artifact.vocabulary, ())
    network = evaluate_network(make_tiny_network(), sessions, exclude_last=exclude_last)
    popularity = whole_list_artifact.items["popularity"].to_numpy()
    assert report.model == pytest.approx(network.metrics)
    assert report.popularity == pytest.approx(
        evaluate_popularity(popularity, sessions, exclude_last=exclude_last).metrics
    )
    assert report.predictions == network.predictions


def test_history_is_stepped_through_and_not_predicted(whole_list_artifact: Artifact, walks: pl.DataFrame) -> None:
    """Each session's last click given all before it, as the network's own evaluation of such a split has it."""
    is_last = pl.int_range(pl.len()).over("session_id") == pl.len().over("session_id") - 1
    last, before = walks.filter(is_last), walks.filter(~is_last)
    report = evaluate_artifact(whole_list_artifact, last, exclude_seen=True, history=before)
    sessions = encode_sessions(last, whole_list_artifact.vocabulary, (), history=before)
    network = evaluate_network(make_tiny_network(), sessions, exclude_last=50)
    assert report.model == pytest.approx(network.metrics)
    assert report.predictions == report.sessions == network.predictions


@pytest.mark.parametrize(("protocol", "limit"), [("session-clicks", 70), ("last-click", 30)])
def test_figures_from_disk_are_those_of_all_clicks_at_once(
    tmp_path: Path, whole_list_artifact: Artifact, walks: pl.DataFrame, protocol: EvaluationProtocol, limit: int
) -> None:
    """To the bit, of the first test clicks, in parts of a few users each; with a history and without."""
    is_last = pl.int_range(pl.len()).over("session_id") == pl.len().over("session_id") - 1
    last, before = walks.filter(is_last), walks.filter(~is_last)
    description = Description("walks", SessionRule(), "made up", exclude_seen=True, cleaning=(), protocol=protocol)
    test = last if protocol == "last-click" else before
    data = PreparedData(description, before, test, None)
    data.save(tmp_path)
    expected = evaluate_artifact(whole_list_artifact, test.head(limit), history=data.test_history)
    on_disk = open_prepared_data(tmp_path, tmp_path, clicks_at_once=25)
    parts = list(on_disk.judged_clicks(limit))
    assert len(parts) > 1
    assert evaluate_artifact_in_parts(whole_list_artifact, parts) == expected


@pytest.fixture(scope="module")
def whole_list_artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """Lists of 20, states in float32."""
    return make_tiny_artifact(
        tmp_path_factory.mktemp("float32") / "artifact", state_dtype="float32", list_length=20, ring_length=50
    )


@pytest.fixture(scope="module")
def walks() -> pl.DataFrame:
    """Forty sessions of up to nine clicks over a ring of items, dealt in turns."""
    return make_click_table(
        [
            (f"user-{user}", f"item-{(7 * user + turn * (1 + user % 4)) % 30:02}")
            for turn in range(9)
            for user in range(40)
            if turn <= user % 9
        ]
    )


def test_nothing_to_predict_is_an_error(tiny_artifact: Artifact) -> None:
    """No figures rather than zeros."""
    with pytest.raises(DataError, match="no session has two clicks"):
        evaluate_artifact(tiny_artifact, make_click_table([("ada", "item-05"), ("bob", "item-01")]))


def test_every_click_is_in_one_block(tiny_artifact: Artifact, walks: pl.DataFrame) -> None:
    """The rounds lose nobody."""
    rows = sorted(row for block in lists_after_clicks(tiny_artifact, walks) for row in block.click.tolist())
    assert rows == list(range(len(walks)))
