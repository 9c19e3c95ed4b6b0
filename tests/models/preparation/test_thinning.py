import polars as pl

from models.preparation.click_parts import IS_TEST, ClickParts, ClicksInMemory
from models.preparation.thinning import (
    cut_to_length,
    drop_rare_items,
    drop_short_sessions,
    drop_to_core,
    drop_unknown_items,
)
from tests.click_tables import click_lines, make_clicks


def make_parts(*lines: str, test: tuple[str, ...] = ()) -> ClicksInMemory:
    """Clicks as lines of `user item timestamp session`; with `test`, those test and the others train."""
    clicks = ClicksInMemory.of_log(make_clicks(*lines, *test))
    if not test:
        return clicks
    is_test = pl.Series(IS_TEST, [False] * len(lines) + [True] * len(test))
    return clicks.map(lambda table: table.with_columns(is_test))


def lines_of(clicks: ClickParts) -> list[str]:
    return [line for table in clicks for line in click_lines(table)]


def test_rare_items_are_those_below_the_count() -> None:
    """An item with exactly the count stays."""
    kept, step = drop_rare_items(make_parts("ann A 1", "ann B 2", "bob B 3"), 2)
    assert lines_of(kept) == ["ann B 2", "bob B 3"]
    assert (step.name, step.dropped, step.kept) == ("rare items", 1, 2)


def test_rare_items_of_training_leave_the_test_alone() -> None:
    """The test clicks neither count nor go."""
    kept, step = drop_rare_items(make_parts("ann A 1", "ann B 2", "bob B 3", test=("cid A 4", "cid B 5")), 2, "train")
    assert lines_of(kept) == ["ann B 2", "bob B 3", "cid A 4", "cid B 5"]
    assert (step.name, step.dropped, step.kept) == ("train: rare items", 1, 2)
    assert step.reason == "the item has fewer than 2 training clicks"


def test_short_sessions_are_those_below_the_count() -> None:
    """A session with exactly the count stays."""
    kept, step = drop_short_sessions(make_parts("ann A 1 s", "bob A 2 t", "bob B 3 t"), 2)
    assert lines_of(kept) == ["bob A 2 t", "bob B 3 t"]
    assert (step.name, step.dropped, step.kept) == ("short sessions", 1, 2)


def test_clicks_on_the_other_side_of_the_cut_make_a_session_longer() -> None:
    """A history that began in the training period is no short session of the test period."""
    kept, step = drop_short_sessions(make_parts("ann B 1 ann", test=("ann A 9 ann", "bob A 9 bob")), 2, "test")
    assert lines_of(kept) == ["ann B 1 ann", "ann A 9 ann"]
    assert (step.name, step.dropped, step.kept) == ("test: short sessions", 1, 1)


def test_unknown_items_are_those_of_no_training_click() -> None:
    """Only test clicks go."""
    kept, step = drop_unknown_items(make_parts("ann A 1 s", test=("bob A 2 t", "bob X 3 t")))
    assert lines_of(kept) == ["ann A 1 s", "bob A 2 t"]
    assert (step.name, step.dropped, step.kept) == ("test: unknown items", 1, 1)


def test_a_core_is_dropped_to_by_turns() -> None:
    """C is rare; without it t is short; without t B is rare; without B nothing else falls below two."""
    clicks = make_parts("ann A 1 s", "ann A 2 s", "ann B 3 s", "bob B 4 t", "bob C 5 t")
    kept, (rare, short) = drop_to_core(clicks, 2, 2, "all")
    assert lines_of(kept) == ["ann A 1 s", "ann A 2 s"]
    assert (rare.name, rare.dropped) == ("core: rare items", 2)
    assert (short.name, short.dropped, short.kept) == ("core: short sessions", 1, 2)
    assert rare.reason == "the item has fewer than 2 clicks, 2 rounds"


def test_long_sessions_keep_their_last_clicks() -> None:
    """After a split the training clicks are counted for themselves, and the test keeps all of its own."""
    clicks = ("ann A 1 s", "bob A 2 t", "ann B 3 s", "ann C 4 s")
    kept, step = cut_to_length(make_parts(*clicks), 2, "all")
    assert lines_of(kept) == ["bob A 2 t", "ann B 3 s", "ann C 4 s"]
    assert (step.name, step.dropped, step.kept) == ("long sessions", 1, 3)
    kept, step = cut_to_length(make_parts(*clicks, test=("ann A 5 s", "ann B 6 s", "ann C 7 s")), 2, "train")
    assert lines_of(kept) == ["bob A 2 t", "ann B 3 s", "ann C 4 s", "ann A 5 s", "ann B 6 s", "ann C 7 s"]
