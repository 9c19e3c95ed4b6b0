import polars as pl
import pytest

from models.datasets.dataset import Recipe
from models.errors import DataError
from models.preparation.cleaning import Cleaning
from models.preparation.click_parts import ClicksInMemory, among
from models.preparation.cuts import Cut, CutAt, CutAtShare, LeaveLastOut
from models.preparation.prepared_data import CLICK_SCHEMA
from models.preparation.sessions import assign_sessions
from models.preparation.splitting import Split, cut_moment, leave_last_out, split_by_time, validation_split
from models.preparation.steps import Preparing, take_steps
from models.session_rule import SessionRule
from tests.click_tables import click_lines, make_clicks

BY_ID = SessionRule(by_id=True)
NEVER = SessionRule(by_id=False)


def dropped(split: Split) -> dict[str, int]:
    return {step.name: step.dropped for step in split.steps}


def prepare_split(
    clicks: pl.DataFrame, cut: Cut, rule: SessionRule, *, min_item_clicks: int = 1, min_session_clicks: int = 1
) -> Split:
    """Split by the steps of a recipe that cleans nothing before the split."""
    cleaning = Cleaning(
        impossible_timestamps=False,
        duplicates=False,
        min_item_clicks=min_item_clicks,
        min_session_clicks=min_session_clicks,
    )
    log = Preparing("log", ClicksInMemory.of_log(clicks), ())
    taken = take_steps(log, Recipe(rule, cut, cleaning).steps())
    (table,) = taken.clicks
    train, test = (table.filter(among(part)).select(CLICK_SCHEMA.names()) for part in ("train", "test"))
    return Split(train, test, None, taken.report[1:])  # the first step assigns the sessions that are there already


def test_sessions_before_the_cut_train_and_those_after_it_test() -> None:
    """A session that starts at the cut tests, and one that the cut goes through is dropped and counted."""
    clicks = make_clicks("ann A 1 s", "ann B 2 s", "bob A 3 t", "bob B 10 t", "cid A 10 u", "cid B 11 u")
    split = split_by_time(clicks, CutAt(10), BY_ID)
    assert click_lines(split.train) == ["ann A 1 s", "ann B 2 s"]
    assert click_lines(split.test) == ["cid A 10 u", "cid B 11 u"]
    assert split.cut_ms == 10
    assert dropped(split) == {"sessions at the cut": 2, "test: unknown items": 0}


def test_cut_goes_through_histories_that_never_end() -> None:
    """A whole-history user's clicks train before the cut and test after it."""
    clicks = make_clicks("ann A 1 ann", "bob B 2 bob", "ann B 10 ann")
    split = split_by_time(clicks, CutAt(10), NEVER)
    assert click_lines(split.train) == ["ann A 1 ann", "bob B 2 bob"]
    assert click_lines(split.test) == ["ann B 10 ann"]


def test_items_that_train_does_not_know_leave_the_test_clicks() -> None:
    """They are counted; nothing else of their session is lost."""
    clicks = make_clicks("ann A 1 s", "ann B 2 s", "cid A 10 u", "cid X 11 u", "cid B 12 u")
    split = split_by_time(clicks, CutAt(10), BY_ID)
    assert click_lines(split.test) == ["cid A 10 u", "cid B 12 u"]
    assert dropped(split)["test: unknown items"] == 1


def test_test_clicks_have_no_say_in_what_is_rare() -> None:
    """An item is rare by its training clicks, and a test click on it is then on an unknown item."""
    clicks = make_clicks(
        *("ann A 1 s", "ann B 2 s", "ann A 3 s", "bob A 4 t", "bob B 5 t", "bob C 6 t"),
        *("cid A 10 u", "cid C 11 u", "cid C 12 u", "cid B 13 u"),
    )
    split = prepare_split(clicks, CutAt(10), BY_ID, min_item_clicks=2)
    assert click_lines(split.train) == ["ann A 1 s", "ann B 2 s", "ann A 3 s", "bob A 4 t", "bob B 5 t"]
    assert click_lines(split.test) == ["cid A 10 u", "cid B 13 u"]
    assert dropped(split) == {"sessions at the cut": 0, "train: rare items": 1, "test: unknown items": 2}


def test_short_sessions_are_counted_after_rare_and_unknown_items_have_gone() -> None:
    """No session of one click is left on either side, and an item that only such a session had is unknown."""
    clicks = make_clicks(
        *("ann A 1 s", "ann B 2 s", "bob A 3 t", "bob B 4 t", "dan A 5 v", "dan X 6 v"),
        *("cid A 10 u", "cid X 11 u", "eve A 12 w", "eve B 13 w"),
    )
    split = prepare_split(clicks, CutAt(10), BY_ID, min_item_clicks=2, min_session_clicks=2)
    assert click_lines(split.train) == ["ann A 1 s", "ann B 2 s", "bob A 3 t", "bob B 4 t"]
    assert click_lines(split.test) == ["eve A 12 w", "eve B 13 w"]
    assert dropped(split) == {
        "sessions at the cut": 0,
        "train: rare items": 1,
        "train: short sessions": 1,
        "test: unknown items": 1,
        "test: short sessions": 1,
    }


def test_history_counts_its_clicks_on_both_sides_of_the_cut() -> None:
    """A user of one training and one test click has a click to predict; a user of one click has none."""
    clicks = make_clicks("ann A 1 ann", "bob A 2 bob", "ann A 10 ann", "cid A 11 cid")
    split = prepare_split(clicks, CutAt(10), NEVER, min_session_clicks=2)
    assert click_lines(split.train) == ["ann A 1 ann"]
    assert click_lines(split.test) == ["ann A 10 ann"]


def test_sessions_by_gap_stay_what_the_rule_makes_of_the_clicks_that_are_left() -> None:
    """Without a dropped click in its middle a session may hold a longer gap than the rule allows: it is cut anew."""
    rule = SessionRule(by_id=False, gap_ms=30)
    clicks = assign_sessions(
        make_clicks(
            *("ann A 0", "ann B 10", "ann X 40", "ann A 70", "ann B 80"),
            *("bob A 1000", "bob B 1010", "bob Y 1040", "bob B 1070", "bob A 1080"),
        ),
        rule,
    )
    split = prepare_split(clicks, CutAt(500), rule, min_item_clicks=2, min_session_clicks=2)
    assert split.train["session_id"].to_list() == ["ann:0", "ann:0", "ann:1", "ann:1"]
    assert split.test["session_id"].to_list() == ["bob:0", "bob:0", "bob:1", "bob:1"]
    assert assign_sessions(pl.concat([split.train, split.test]), rule).equals(pl.concat([split.train, split.test]))


def test_piece_of_a_session_that_a_rare_item_held_together_is_a_short_session() -> None:
    """Length is counted after the session was cut anew."""
    rule = SessionRule(by_id=False, gap_ms=30)
    clicks = assign_sessions(
        make_clicks("ann A 0", "ann B 10", "ann X 35", "ann A 60", "bob B 70", "bob A 80", "cid A 500", "cid B 510"),
        rule,
    )
    split = prepare_split(clicks, CutAt(500), rule, min_item_clicks=2, min_session_clicks=2)
    assert click_lines(split.train) == ["ann A 0 ann:0", "ann B 10 ann:0", "bob B 70 bob:0", "bob A 80 bob:0"]


def test_sessions_of_one_user_keep_different_ids_on_both_sides_of_the_cut() -> None:
    """Numbering sessions anew goes on from training to test."""
    rule = SessionRule(by_id=False, gap_ms=30)
    clicks = assign_sessions(make_clicks("ann A 0", "ann A 10", "ann A 1000", "ann A 1010"), rule)
    split = split_by_time(clicks, CutAt(500), rule)
    assert split.train["session_id"].to_list() == ["ann:0", "ann:0"]
    assert split.test["session_id"].to_list() == ["ann:1", "ann:1"]


@pytest.mark.parametrize(
    ("cut", "expected"),
    [
        (CutAt(7), 7),
        (CutAtShare(0.5, of="clicks"), 3),
        (CutAtShare(0.5, of="sessions"), 4),
        (CutAtShare(1.0, of="clicks"), 4),
    ],
)
def test_cut_is_a_moment_or_a_share(cut: CutAt | CutAtShare, expected: int) -> None:
    """A share of clicks counts clicks, a share of sessions counts first clicks."""
    clicks = make_clicks("ann A 1 s", "ann A 2 s", "ann A 3 s", "bob A 4 t")
    assert cut_moment(ClicksInMemory.of_log(clicks), cut) == expected


def test_no_clicks_cannot_be_split() -> None:
    """An empty log has no moment to cut at."""
    with pytest.raises(DataError, match="no clicks to split"):
        cut_moment(ClicksInMemory.of_log(pl.DataFrame(schema=CLICK_SCHEMA)), CutAtShare(0.9))


def test_validation_is_the_end_of_the_training_period() -> None:
    """The last sessions validate, without those that are left with nothing to predict."""
    clicks = make_clicks(
        *("ann A 1 s", "ann B 2 s", "bob A 3 t", "bob B 4 t"),
        *("cid A 5 u", "cid B 6 u", "dan A 7 v", "dan X 8 v"),
    )
    split = validation_split(clicks, BY_ID, share=0.5)
    assert click_lines(split.train) == ["ann A 1 s", "ann B 2 s", "bob A 3 t", "bob B 4 t"]
    assert click_lines(split.test) == ["cid A 5 u", "cid B 6 u"]
    assert dropped(split)["test: short sessions"] == 1


def test_validation_of_histories_cuts_a_share_of_the_clicks() -> None:
    """Where sessions never end, the last clicks validate."""
    clicks = make_clicks("ann A 1 ann", "ann B 2 ann", "bob A 3 bob", "bob B 4 bob")
    split = validation_split(clicks, NEVER, share=0.25)
    assert click_lines(split.test) == ["bob B 4 bob"]


def test_validation_may_keep_the_sessions_that_cross_its_cut() -> None:
    """Bob's session begins before the last half of the sessions: it is learned whole, late clicks and all."""
    clicks = make_clicks("ann A 1 s", "bob A 2 t", "ann B 3 s", "cid A 4 u", "cid C 5 u", "dan C 6 v", "dan A 7 v")
    clicks = pl.concat([clicks, make_clicks("bob C 8 t")])
    split = validation_split(clicks, BY_ID, share=0.5, crossing="learned")
    assert click_lines(split.train) == ["ann A 1 s", "bob A 2 t", "ann B 3 s", "bob C 8 t"]
    assert click_lines(split.test) == ["cid A 4 u", "cid C 5 u", "dan C 6 v", "dan A 7 v"]
    assert split.cut_ms == 4


def test_validation_of_histories_may_keep_users_apart() -> None:
    """A history that began before the cut is learned whole: bob's, the last to begin, validates."""
    clicks = make_clicks("ann A 1 ann", "bob A 2 bob", "bob B 3 bob", "ann B 4 ann")
    split = validation_split(clicks, NEVER, share=0.5, crossing="learned")
    assert click_lines(split.train) == ["ann A 1 ann", "ann B 4 ann"]
    assert click_lines(split.test) == ["bob A 2 bob", "bob B 3 bob"]


def test_validation_may_ask_for_items_that_were_clicked_often_enough() -> None:
    """B is clicked once before the cut: it is not learned, and so not validated."""
    clicks = make_clicks(
        *("ann A 1 s", "ann B 2 s", "ann A 3 s"),
        *("cid A 4 u", "cid B 5 u", "cid A 6 u"),
    )
    split = validation_split(clicks, BY_ID, share=0.5, min_item_clicks=2)
    assert click_lines(split.train) == ["ann A 1 s", "ann A 3 s"]
    assert click_lines(split.test) == ["cid A 4 u", "cid A 6 u"]
    assert dropped(split)["train: rare items"] == 1


def test_leave_last_out_tests_the_last_click_of_each() -> None:
    """Interleaved on the clock; a session of two only trains, and an item that training never shows stays."""
    clicks = make_clicks("ann A 1 ann", "bob B 2 bob", "ann B 3 ann", "bob A 4 bob", "ann X 5 ann", "cid A 6 cid")
    split = leave_last_out(clicks)
    assert click_lines(split.train) == ["ann A 1 ann", "bob B 2 bob", "ann B 3 ann", "bob A 4 bob", "cid A 6 cid"]
    assert click_lines(split.test) == ["ann X 5 ann"]
    assert (split.cut_ms, split.steps) == (None, ())


def test_leave_last_out_cleans_before_it_splits() -> None:
    """What is rare or short in the whole log goes, then the last click of what is left is the test."""
    clicks = make_clicks("ann A 1 ann", "ann B 2 ann", "ann A 3 ann", "ann X 4 ann", "bob B 5 bob")
    split = prepare_split(clicks, LeaveLastOut(), NEVER, min_item_clicks=2, min_session_clicks=2)
    assert click_lines(split.test) == ["ann A 3 ann"]
    assert dropped(split) == {"rare items": 1, "short sessions": 1}


def test_unknown_items_are_kept_where_that_is_asked_for() -> None:
    """For models that know an item by its text."""
    clicks = make_clicks("ann A 1 s", "ann B 2 s", "cid A 10 u", "cid X 11 u")
    split = split_by_time(clicks, CutAt(10), BY_ID, keep_unknown_items=True)
    assert click_lines(split.test) == ["cid A 10 u", "cid X 11 u"]
    assert dropped(split) == {"sessions at the cut": 0}


def test_validation_of_leave_last_out_is_the_last_training_click() -> None:
    """As the test was made: the click before the test's."""
    clicks = make_clicks("ann A 1 ann", "ann B 2 ann", "ann C 3 ann", "bob A 4 bob")
    split = validation_split(clicks, NEVER, protocol="last-click")
    assert click_lines(split.train) == ["ann A 1 ann", "ann B 2 ann", "bob A 4 bob"]
    assert click_lines(split.test) == ["ann C 3 ann"]
