from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from models.datasets.dataset import Dataset, GivenSplit, Recipe, WholeLog
from models.errors import DataError
from models.preparation.cleaning import Cleaning
from models.preparation.click_log import ClickLog, Columns
from models.preparation.cuts import CutAt, CutAtShare
from models.preparation.prepared_data import CleaningStep, load_prepared_data
from models.preparation.preparing import prepare_dataset, prepare_log, prepare_own_log
from models.session_rule import SessionRule
from tests.click_tables import MAY_2024_MS, click_lines, make_clicks

BY_ID = SessionRule(by_id=True)
KEEP_ALL = Cleaning(
    impossible_timestamps=False, duplicates=False, immediate_repeats=False, min_item_clicks=1, min_session_clicks=1
)


def make_log(*lines: str, malformed: Sequence[CleaningStep] = ()) -> ClickLog:
    return ClickLog(make_clicks(*lines, start_ms=MAY_2024_MS), tuple(malformed))


def make_recipe(cut: int = 10, rule: SessionRule = BY_ID, cleaning: Cleaning = KEEP_ALL) -> Recipe:
    return Recipe(rule, CutAt(MAY_2024_MS + cut), cleaning)


def make_dataset(tmp_path: Path, source: WholeLog | GivenSplit) -> Dataset:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "log.csv").write_text("", "utf-8")
    return Dataset(
        name="shop",
        what="clicks",
        licence="none",
        folder="shop",
        files=("log.csv",),
        exclude_seen=True,
        load=lambda _: source,
    )


def test_every_step_is_taken_and_reported_in_order() -> None:
    """What reading dropped comes first, then cleaning, then the split; every count follows from the one before."""
    log = make_log(
        *("ann A 1 s", "ann A 1 s", "ann A 2 s", "ann B 3 s", "bob A 4 t", "bob B 5 t", "bob X 6 t"),
        *("cid A 10 u", "cid X 11 u", "cid B 12 u", f"cid B -{MAY_2024_MS + 1} v"),
        malformed=[CleaningStep("malformed", "has no user_id (line 2: ...)", dropped=1, kept=11)],
    )
    recipe = make_recipe(cleaning=Cleaning(immediate_repeats=True, min_item_clicks=2, min_session_clicks=2))
    prepared = prepare_log("shop", log, recipe, exclude_seen=True)
    assert click_lines(prepared.train, MAY_2024_MS) == ["ann A 1 s", "ann B 3 s", "bob A 4 t", "bob B 5 t"]
    assert click_lines(prepared.test, MAY_2024_MS) == ["cid A 10 u", "cid B 12 u"]
    assert [(step.name, step.dropped, step.kept) for step in prepared.description.cleaning] == [
        ("malformed", 1, 11),
        ("impossible timestamps", 1, 10),
        ("impossible timestamps", 0, 10),
        ("impossible timestamps", 0, 10),
        ("duplicates", 1, 9),
        ("sessions", 0, 9),
        ("immediate repeats", 1, 8),
        ("sessions at the cut", 0, 8),
        ("train: rare items", 1, 4),
        ("train: short sessions", 0, 4),
        ("test: unknown items", 1, 2),
        ("test: short sessions", 0, 2),
    ]
    assert prepared.description.exclude_seen
    assert prepared.description.split.startswith("By time, at 2024-05-01 00:00:00 UTC")


def test_steps_that_are_not_wanted_drop_nothing() -> None:
    """Repeats, duplicates, lone clicks and rare items stay where the recipe leaves them."""
    log = make_log("ann A 1 s", "ann A 1 s", "ann A 2 s", "bob B 3 t", "cid A 10 u")
    prepared = prepare_log("shop", log, make_recipe())
    assert prepared.train.height == 4
    assert prepared.test.height == 1
    names = [step.name for step in prepared.description.cleaning]
    assert names == ["sessions", "sessions at the cut", "test: unknown items"]


def test_gaps_are_counted_between_the_clicks_that_are_left() -> None:
    """A repeat that was dropped no longer bridges a gap, nor leads a session across the cut."""
    rule = SessionRule(by_id=False, gap_ms=3)
    log = make_log("ann A 0", "bob B 1", "ann A 2", "ann A 4", "ann B 6")
    recipe = make_recipe(cut=5, rule=rule, cleaning=replace(KEEP_ALL, immediate_repeats=True))
    prepared = prepare_log("shop", log, recipe)
    assert click_lines(prepared.train, MAY_2024_MS) == ["ann A 0 ann:0", "bob B 1 bob:0"]
    assert click_lines(prepared.test, MAY_2024_MS) == ["ann B 6 ann:1"]


@pytest.mark.parametrize(("cut", "what"), [(0, "training click"), (100, "test click")])
def test_cut_that_leaves_one_side_empty_is_an_error(cut: int, what: str) -> None:
    """Nothing can be trained on, or compared, with one half."""
    with pytest.raises(DataError, match=f"No {what} of shop is left"):
        prepare_log("shop", make_log("ann A 1 s", "ann A 2 s"), make_recipe(cut=cut))


def test_log_that_is_cleaned_away_is_an_error_that_names_the_step() -> None:
    """Timestamps in seconds where milliseconds were promised cost every click: the message says so."""
    log = ClickLog(make_clicks("ann A 1714521600 s"), ())
    with pytest.raises(DataError, match=r"No click of shop is left.*'impossible timestamps', which dropped 1.*seconds"):
        prepare_log("shop", log, make_recipe(cleaning=Cleaning()))


def test_sessions_by_id_need_ids() -> None:
    """Without ids every history would silently become one session."""
    with pytest.raises(DataError, match="shop names no sessions"):
        prepare_log("shop", make_log("ann A 1"), make_recipe())


def test_data_set_is_prepared_by_its_own_recipe_or_a_changed_one(tmp_path: Path) -> None:
    """What the recipe does not say comes from the data set; its catalogue goes along."""
    catalogue = pl.DataFrame({"item_id": ["A"], "title": ["Apple"]})
    log = make_log("ann A 1 s", "bob A 5 t", "cid A 10 u")
    dataset = make_dataset(tmp_path, WholeLog(log, catalogue, make_recipe(cut=10)))
    prepared = prepare_dataset(dataset, tmp_path)
    assert (prepared.description.name, prepared.description.exclude_seen) == ("shop", True)
    assert (prepared.train.height, prepared.test.height) == (2, 1)
    assert prepared.catalogue is catalogue
    earlier = prepare_dataset(dataset, tmp_path, lambda recipe: replace(recipe, cut=CutAt(MAY_2024_MS + 5)))
    assert (earlier.train.height, earlier.test.height) == (1, 2)


def test_given_split_is_never_changed(tmp_path: Path) -> None:
    """It is taken as it stands, and asking for any step is an error."""
    train, test = make_clicks("ann A 1 ann"), make_clicks("bob X 2 bob")
    dataset = make_dataset(tmp_path, GivenSplit(train, test, None, BY_ID, "Given."))
    prepared = prepare_dataset(dataset, tmp_path)
    assert prepared.train is train
    assert prepared.test is test
    assert prepared.description.cleaning == ()
    with pytest.raises(DataError, match="shop is a given split"):
        prepare_dataset(dataset, tmp_path, lambda recipe: recipe)


def test_own_log_is_prepared_from_its_columns(tmp_path: Path) -> None:
    """A log without sessions is cut by an idle gap; what is written can be read again."""
    path = tmp_path / "visits.csv"
    times = (0, 60, 7200, 7260)
    path.write_text("visitor,sku,time\n" + "".join(f"ann,A,{1714521600 + time}\n" for time in times), "utf-8")
    columns = Columns(user="visitor", item="sku", timestamp="time")
    prepared = prepare_own_log(
        path, columns, "seconds", lambda recipe: replace(recipe, cut=CutAtShare(0.5), cleaning=KEEP_ALL)
    )
    assert prepared.description.name == "visits"
    assert prepared.description.session_rule == SessionRule(by_id=False, gap_ms=30 * 60 * 1000)
    prepared.save(tmp_path / "prepared")
    loaded = load_prepared_data(tmp_path / "prepared")
    assert loaded.description == prepared.description
    assert loaded.train["session_id"].to_list() == ["ann:0", "ann:0"]
    assert loaded.test["session_id"].to_list() == ["ann:1", "ann:1"]
    assert loaded.catalogue is None
