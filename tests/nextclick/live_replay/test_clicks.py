"""Which clicks are replayed, and in which order."""

import pytest

from models.errors import DataError
from nextclick.live_replay.clicks import choose_clicks
from tests.click_tables import click_lines, make_clicks

TRAIN = make_clicks("ann tea 1000 s1", "ann pot 3000 s1", "bob tea 5000 s2", "bob cup 7000 s2", "bob pot 9000 s2")
TEST = make_clicks("ann cup 5000 s3", "eve tea 6000 s4", "ann tea 8000 s3")


def test_training_clicks_warm_up_and_then_lie_among_the_test_clicks() -> None:
    """Those of long before and those behind the last test click stay away; nobody of them is a user of the test."""
    clicks = choose_clicks(TRAIN, TEST, warm_up_ms=2_000)
    assert click_lines(clicks.warm_up) == ["train:ann pot 3000 train:s1"]
    assert click_lines(clicks.paced) == [
        "train:bob tea 5000 train:s2",
        "ann cup 5000 s3",
        "eve tea 6000 s4",
        "train:bob cup 7000 train:s2",
        "ann tea 8000 s3",
    ]
    assert clicks.test_row.tolist() == [-1, 0, 1, -1, 2]


def test_what_is_counted_is_everything_that_is_not_judged() -> None:
    clicks = choose_clicks(TRAIN, TEST, warm_up_ms=4_000)
    assert [line.split()[2] for line in click_lines(clicks.before)] == ["1000", "3000", "5000", "7000"]


def test_a_limit_ends_the_training_clicks_too() -> None:
    clicks = choose_clicks(TRAIN, TEST, warm_up_ms=0, limit=2)
    assert click_lines(clicks.test) == ["ann cup 5000 s3", "eve tea 6000 s4"]
    assert clicks.warm_up.is_empty()
    assert clicks.test_row.tolist() == [-1, 0, 1]


def test_without_test_clicks_there_is_nothing_to_replay() -> None:
    with pytest.raises(DataError, match="no test clicks"):
        choose_clicks(TRAIN, TEST.head(0), warm_up_ms=1_000)
