import pytest

from export.artifact import Artifact
from nextclick.demo.scoreboard import RankedClick, Scoreboard, UserView, place_in_list
from nextclick.published_lists import ClickSource, PublishedList


def make_list(user_id: str = "ada", items: tuple[str, ...] = ("item-05", "item-06")) -> PublishedList:
    """A list with falling scores."""
    scores = tuple(float(-place) for place in range(len(items)))
    source = ClickSource("clicks", 0, 0, 1_000)
    return PublishedList(1, user_id, items, scores, model_id="m", strategy="personal", source=source)


def add(scoreboard: Scoreboard, item_id: str, published: PublishedList, *, sent_s: float = 1.0) -> None:
    """A click whose list was read 10 ms after it was sent."""
    scoreboard.add(item_id, published, sent_s=sent_s, read_s=sent_s + 0.010)


def test_a_click_is_looked_up_in_the_list_from_the_click_before(tiny_artifact: Artifact) -> None:
    """Second place in the first list, then a miss: two predictions of three clicks, and what popularity makes of them.

    The popular list is item-00, item-01, ...: of item-06 and item-01 it has both, at places 7 and 2.
    """
    scoreboard = Scoreboard(tiny_artifact)
    add(scoreboard, "item-09", make_list(items=("item-05", "item-06")))
    add(scoreboard, "item-06", make_list(items=("item-07", "item-08")))
    add(scoreboard, "item-01", make_list(items=("item-02", "item-03")))
    figures = scoreboard.figures(1.0)
    assert (figures.lists, figures.predictions) == (3, 2)
    assert figures.model == {"Recall@20": 0.5, "MRR@20": 0.25}
    assert figures.popularity == {"Recall@20": 1.0, "MRR@20": pytest.approx((1 / 7 + 1 / 2) / 2)}
    assert scoreboard.view("ada") == UserView(
        "ada",
        3,
        (
            RankedClick("item-09", None, had_list=False),
            RankedClick("item-06", 2, had_list=True),
            RankedClick("item-01", None, had_list=True),
        ),
        ("item-02", "item-03"),
    )


def test_an_item_that_the_model_does_not_know_is_a_miss_for_both(tiny_artifact: Artifact) -> None:
    """It counts all the same."""
    scoreboard = Scoreboard(tiny_artifact)
    add(scoreboard, "item-09", make_list())
    add(scoreboard, "never heard of", make_list())
    figures = scoreboard.figures(1.0)
    assert figures.model == figures.popularity == {"Recall@20": 0.0, "MRR@20": 0.0}


def test_users_are_apart_and_the_latest_comes_first(tiny_artifact: Artifact) -> None:
    """Ada's list says nothing of Bob's first click."""
    scoreboard = Scoreboard(tiny_artifact)
    add(scoreboard, "item-01", make_list("ada"))
    add(scoreboard, "item-05", make_list("bob"))
    assert scoreboard.figures(1.0).predictions == 0
    assert scoreboard.recent_users() == ["bob", "ada"]
    add(scoreboard, "item-02", make_list("ada"))
    assert scoreboard.recent_users() == ["ada", "bob"]


def test_latency_and_throughput(tiny_artifact: Artifact) -> None:
    """Four lists of 10 ms, three of them in the last two seconds; an unscored one counts for the throughput only."""
    scoreboard = Scoreboard(tiny_artifact)
    for sent_s in (1.0, 9.0, 9.5, 9.9):
        add(scoreboard, "item-01", make_list(), sent_s=sent_s)
    scoreboard.add_unscored(10.0)
    figures = scoreboard.figures(10.0)
    assert figures.latency is not None
    assert (figures.latency.p50_ms, figures.latency.p99_ms) == (10.0, 10.0)
    assert (figures.lists, figures.lists_per_second) == (5, 2.0)
    assert scoreboard.latency() == figures.latency


def test_nothing_yet(tiny_artifact: Artifact) -> None:
    """No figures rather than zeros."""
    figures = Scoreboard(tiny_artifact).figures(1.0)
    assert (figures.model, figures.popularity, figures.latency, figures.lists) == ({}, {}, None, 0)


def test_a_place_counts_behind_all_items_of_its_score() -> None:
    """Three items share the best score: the first of them is third."""
    assert place_in_list("a", ("a", "b", "c", "d"), (2.0, 2.0, 2.0, 1.0)) == 3
    assert place_in_list("d", ("a", "b", "c", "d"), (2.0, 2.0, 2.0, 1.0)) == 4
    assert place_in_list("e", ("a", "b"), (2.0, 1.0)) is None
