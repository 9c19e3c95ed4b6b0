"""The data sets themselves, where NEXTCLICK_DATA names a folder that has them."""

import os
from pathlib import Path

import polars as pl
import pytest

from models.datasets import dataset_named
from models.datasets.folders import find_dataset
from models.preparation.prepared_data import PreparedData
from models.preparation.preparing import prepare_dataset
from models.preparation.sessions import assign_sessions
from models.training.counts_fitting import needs_no_judge

pytestmark = pytest.mark.data


def prepare(name: str) -> PreparedData:
    """Prepare a data set, or skip the test where it is not here."""
    folder = os.environ.get("NEXTCLICK_DATA")
    if folder is None:
        pytest.skip("NEXTCLICK_DATA does not name a folder of data sets")
    if find_dataset(dataset_named(name), Path(folder)) is None:
        pytest.skip(f"the folder that NEXTCLICK_DATA names has no {name}")
    return prepare_dataset(dataset_named(name), Path(folder))


def sequences(clicks: pl.DataFrame) -> pl.DataFrame:
    """The sessions without their names: items and times, in order of the first clicks."""
    return (
        clicks.group_by("session_id", maintain_order=True)
        .agg("item_id", "timestamp_ms")
        .select("item_id", "timestamp_ms")
        .sort("timestamp_ms", "item_id")
    )


@pytest.mark.parametrize(
    ("name", "train_clicks", "test_clicks", "items"),
    [("eshop", 146_650, 13_776, 213), ("globo", 700_860, 138_992, 2_958)],
)
def test_given_splits_are_whole(name: str, train_clicks: int, test_clicks: int, items: int) -> None:
    """Nothing is dropped from the splits that models are compared by, and their sessions are a worker's sessions."""
    prepared = prepare(name)
    assert (prepared.train.height, prepared.test.height) == (train_clicks, test_clicks)
    assert prepared.train["item_id"].n_unique() == items
    assert prepared.description.cleaning == ()
    for clicks in (prepared.train, prepared.test):
        assert clicks["user_id"].equals(clicks["session_id"])
        assert clicks["timestamp_ms"].is_sorted()
        assert assign_sessions(clicks, prepared.description.session_rule).equals(clicks)


@pytest.mark.parametrize(("name", "is_foregone"), [("eshop", True), ("globo", False)])
def test_only_a_log_with_a_clock_is_asked_for_live_counts(name: str, is_foregone: bool) -> None:
    """E-shop knows the day only, Globo the millisecond."""
    assert needs_no_judge(prepare(name)) == is_foregone


def test_whole_eshop_log_becomes_the_given_split() -> None:
    """Our cleaning and splitting make, click for click, what the makers of the split made from the same log."""
    given, made = prepare("eshop"), prepare("eshop-2008")
    assert sequences(made.train).equals(sequences(given.train))
    assert sequences(made.test).equals(sequences(given.test))


def test_movielens_latest_small_is_cut_at_nine_tenths_of_its_clicks() -> None:
    """Test clicks are all later than training clicks, of items that train knows, and every item has a title."""
    prepared = prepare("movielens-latest-small")
    assert prepared.train["timestamp_ms"].max() < prepared.test["timestamp_ms"].min()  # type: ignore[operator]
    assert set(prepared.test["item_id"]) <= set(prepared.train["item_id"])
    assert prepared.catalogue is not None
    assert set(prepared.train["item_id"]) <= set(prepared.catalogue.drop_nulls("title")["item_id"])
    first_step = prepared.description.cleaning[0]
    assert first_step.kept + first_step.dropped == 100_836


def test_globo_users_who_go_back_and_forth_have_the_sessions_that_a_worker_sees() -> None:
    """323 of the log's sessions are interleaved: applying the rule again to what was prepared changes nothing."""
    prepared = prepare("globo-clicks")
    assert prepared.train["session_id"].str.contains(r"^\d+:\d+$").all()
    both = pl.concat([prepared.train, prepared.test])
    again = assign_sessions(both, prepared.description.session_rule)
    assert again["session_id"].n_unique() == both["session_id"].n_unique()


@pytest.mark.parametrize(
    ("name", "train_clicks", "tested_users", "unknown"),
    [("amazon-beauty", 176_139, 22_363, 52), ("amazon-beauty-sasrec", 344_410, 50_498, 3_595)],
)
def test_beauty_tests_one_review_of_each_user(name: str, train_clicks: int, tested_users: int, unknown: int) -> None:
    """The last one, whether training shows its product or not, and never one that the user had before."""
    prepared = prepare(name)
    assert prepared.train.height == train_clicks
    assert prepared.test["user_id"].n_unique() == prepared.test.height == tested_users
    known = set(prepared.train["item_id"])
    assert sum(item not in known for item in prepared.test["item_id"]) == unknown
    assert prepared.test.join(prepared.train, on=["user_id", "item_id"]).is_empty()
    assert prepared.description.protocol == "last-click"
