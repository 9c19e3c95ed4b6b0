"""No press is lost: the page holds still while a button is pressed. Page and server are real, the rest is a stage."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.factories import make_tiny_artifact
from tests.page.stage import Stage

pytestmark = pytest.mark.slow

PRESS_MS = 300


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(make_tiny_artifact(tmp_path_factory.mktemp("stage"))) as stage:
        yield stage


@pytest.fixture
def page(stage: Stage, browser: Browser) -> Iterator[Page]:
    stage.clicker.clicks.clear()
    stage.clicker.refusal = None
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(stage.url)
        page.wait_for_selector("#items button")
        page.wait_for_selector("#ranked li")
        yield page


def press(page: Page, button: Locator, meanwhile: Callable[[], object] = lambda: None) -> None:
    """Press the middle of a button as a person does, for some time."""
    box = button.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    meanwhile()
    page.wait_for_timeout(PRESS_MS)
    page.mouse.up()


def item(page: Page, name: str) -> Locator:
    return page.locator("#items button", has_text=name).first


@pytest.mark.parametrize("typed", ["title", "item-07"])
def test_a_search_that_ends_while_a_button_is_pressed(stage: Stage, page: Page, typed: str) -> None:
    """Whether the same rows come or fewer, which would move this one: the click is that of the button."""
    page.locator("#query").press_sequentially(typed)
    press(page, item(page, "item-07"))
    assert stage.wait_for_click(1).item_id == "item-07"
    expect(page.locator("#found")).not_to_have_text("")


def test_a_list_that_comes_while_one_of_its_rows_is_pressed(stage: Stage, page: Page) -> None:
    """The row would move away: it waits until it is let go."""
    item(page, "item-05").click()
    click = stage.wait_for_click(1)
    rows = page.locator("#ranked button.title")
    names = [f"item-{number:02}" for number in range(1, 13)]
    pressed = page.locator("#ranked button", has_text="item-02").first
    press(page, pressed, lambda: stage.answer(click, *reversed(names)))
    assert stage.wait_for_click(2).item_id == "item-02"
    expect(rows.first).to_contain_text("item-12")


def test_a_click_that_the_broker_does_not_take_is_taken_back(stage: Stage, page: Page) -> None:
    """It says so, for longer than a second, and the click is none of yours."""
    stage.clicker.refusal = "The broker did not take the record: it is away."
    item(page, "item-03").click()
    expect(page.locator("#trouble")).to_contain_text("it is away")
    page.wait_for_timeout(1_500)
    expect(page.locator("#trouble")).to_contain_text("it is away")
    assert page.locator("#clicks").inner_text() == "none yet"
    stage.clicker.refusal = None
    item(page, "item-04").click()
    assert stage.wait_for_click(1).item_id == "item-04"
    expect(page.locator("#trouble")).to_be_hidden()


def test_a_list_that_comes_before_the_popular_one_stays(stage: Stage, browser: Browser) -> None:
    """A worker that is slow to answer for a new visitor does not cover the list of his click."""
    stage.clicker.clicks.clear()
    stage.workers.may_answer.clear()
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(stage.url)
        item(page, "item-06").click()
        stage.answer(stage.wait_for_click(1), "item-09", "item-08")
        expect(page.locator("#after-text")).to_contain_text("after your click on")
        stage.workers.may_answer.set()
        page.wait_for_timeout(500)
        expect(page.locator("#ranked button.title").first).to_contain_text("item-09")
        page.reload()
        expect(page.locator("#after-text")).to_contain_text("after your click on")
