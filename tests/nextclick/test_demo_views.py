"""The pictures: which users, what of them, and that it fits the terminal."""

import io

import pytest
from rich.console import Console

from export.artifact import Artifact
from export.catalogue import Catalogue
from nextclick.demo.cards import Cards
from nextclick.demo.latencies import LatencyReport
from nextclick.demo.live_view import LiveView, card
from nextclick.demo.plain_view import line
from nextclick.demo.progress import ReplayProgress
from nextclick.demo.scoreboard import Figures, RankedClick, Scoreboard, UserView
from nextclick.published_lists import ClickSource, PublishedList


def click(scoreboard: Scoreboard, user_id: str, item_id: str = "item-01") -> None:
    source = ClickSource("clicks", 0, 0, 1_000)
    items = ("item-03", "item-02", "item-01")
    published = PublishedList(1, user_id, items, (3.0, 2.0, 1.0), model_id="m", strategy="personal", source=source)
    scoreboard.add(item_id, published, sent_s=1.0, read_s=1.01)


def shown(cards: Cards, now_s: float, count: int = 2) -> list[tuple[str, int]]:
    return [(view.user_id, view.click_count) for view in cards.views(count, now_s)]


def test_cards_stand_still_and_change_one_at_a_time(tiny_artifact: Artifact) -> None:
    """Ada's second click shows a moment later, not at once; Cem comes when Bob has gone."""
    scoreboard = Scoreboard(tiny_artifact)
    cards = Cards(scoreboard)
    assert shown(cards, 100.0) == []
    click(scoreboard, "ada")
    click(scoreboard, "bob")
    assert shown(cards, 100.1) == [("bob", 1)]
    assert shown(cards, 100.2) == [("bob", 1)]
    assert shown(cards, 101.0) == [("bob", 1), ("ada", 1)]
    click(scoreboard, "ada")
    click(scoreboard, "cem")
    assert shown(cards, 101.1) == [("bob", 1), ("ada", 1)]
    assert shown(cards, 102.0) == [("cem", 1), ("ada", 1)]
    assert shown(cards, 103.0) == [("cem", 1), ("ada", 2)]


def test_a_user_who_clicks_on_makes_room_after_a_while(tiny_artifact: Artifact) -> None:
    """Ada is followed for nine seconds; then it is Bob's turn."""
    scoreboard = Scoreboard(tiny_artifact)
    cards = Cards(scoreboard)
    click(scoreboard, "ada")
    shown(cards, 100.0, count=1)
    click(scoreboard, "ada")
    click(scoreboard, "bob")
    click(scoreboard, "ada")
    assert shown(cards, 105.0, count=1) == [("ada", 3)]
    click(scoreboard, "ada")
    assert shown(cards, 110.0, count=1) == [("bob", 1)]


def test_a_card_tells_where_each_click_stood(tiny_artifact: Artifact) -> None:
    """The first click had no list, the second was second, the third was not listed."""
    view = UserView(
        "ada",
        3,
        (
            RankedClick("item-00", None, had_list=False),
            RankedClick("item-01", 2, had_list=True),
            RankedClick("unknown", None, had_list=True),
        ),
        ("item-04", "item-05"),
    )
    console = Console(file=io.StringIO(), width=78)
    with console.capture() as captured:
        console.print(card(view, Catalogue(tiny_artifact.items)))
    lines = [" ".join(text.strip("│╭╮╰╯─ ").split()) for text in captured.get().splitlines()]
    assert lines[0] == "user ada 3 clicks"
    assert lines[2] == "Title of item-00 1 Title of item-04"
    assert lines[3] == "Title of item-01 2nd 2 Title of item-05"
    assert lines[4] == "unknown - 3"


@pytest.mark.parametrize(("width", "height", "users"), [(80, 24, 2), (120, 40, 4), (60, 16, 1)])
def test_the_live_view_fits_the_terminal(tiny_artifact: Artifact, width: int, height: int, users: int) -> None:
    """As many users as there is room for, and not a line more than the terminal has."""
    scoreboard = Scoreboard(tiny_artifact)
    progress = ReplayProgress("titles are clicked", sent=12, total=24)
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None)
    view = LiveView(console, scoreboard, Catalogue(tiny_artifact.items), progress)
    for number in range(6):
        click(scoreboard, f"user-{number}")
        click(scoreboard, f"user-{number}", "item-02")
    for now_s in range(10):
        view._cards.views(users, 1000.0 + now_s)
    with console.capture() as captured:
        console.print(view)
    drawn = captured.get().splitlines()
    assert sum("user user-" in text for text in drawn) == users
    assert len(drawn) <= height
    assert all(len(text) <= width for text in drawn)
    assert "12 of 24 clicks" in captured.get()
    assert "1.0000" in captured.get()
    assert "ms" in captured.get()


def test_a_line_for_a_log() -> None:
    """The figures so far, popularity beside them."""
    figures = Figures(
        lists=10,
        predictions=8,
        model={"Recall@20": 0.25, "MRR@20": 0.0625},
        popularity={"Recall@20": 0.125, "MRR@20": 0.03},
        latency=LatencyReport(12.4, 20.0, 31.0),
        lists_per_second=300.0,
    )
    assert line(ReplayProgress(sent=10, total=1_000), figures) == (
        "10 of 1,000 clicks  300 lists/s  Recall@20 0.2500 (popularity 0.1250)  MRR@20 0.0625 (popularity 0.0300)  "
        "click to list p50 12 ms, p99 31 ms"
    )
