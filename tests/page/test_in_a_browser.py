"""The page in a real browser, on a real broker, with real workers: click, kill, recover, poison, share."""

import contextlib
import http.client
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from nextclick.published_lists import PublishedList, decode_list
from nextclick.topic_reading import TopicReader
from tests.page.conftest import OpenPage
from tests.page.demos import Demo
from workers.kafka_admin import connected_admin

pytestmark = [pytest.mark.broker, pytest.mark.slow]

Keep = Callable[[Page, str], None]


def click_on(page: Page, title: str) -> None:
    """Search an item, click it, and wait for its list."""
    page.get_by_label("Title").fill(title)
    page.get_by_role("list", name="Items to click").get_by_role("button", name=re.compile(f"^{title} ")).first.click()
    expect(page.locator("#after-text")).to_have_text(re.compile(f"^after your click on {title} "))


def titles(page: Page) -> list[str]:
    found: list[str] = page.locator("#ranked button.title").all_text_contents()
    return found


def newest_list(demo: Demo, user_id: str) -> PublishedList:
    """Read a user's newest list out of the demo's own output topic."""
    with connected_admin(demo.broker) as admin:
        (topic,) = (name for name in admin.list_topics() if name.endswith("-recommendations"))
    with TopicReader(demo.broker, topic) as reader:
        return [decode_list(record) for record in reader.read_to_end() if record.key == user_id.encode()][-1]


def test_a_click_reorders_the_list(open_page: OpenPage, demo: Demo, keep: Keep) -> None:
    """The list on the page is the one in the topic; it says how long it took, what moved, why, and the strategy."""
    page = open_page()
    before = titles(page)
    expect(page.locator("#strategy")).to_have_text("popular")
    click_on(page, "Film 3")
    click_on(page, "Film 5")
    user_id = page.locator("#user-id").inner_text()
    published = newest_list(demo, user_id)
    assert titles(page) == [f"Film {item.removeprefix('f')} (1997)" for item in published.items]
    assert titles(page) != before
    expect(page.locator("#strategy")).to_have_text("personal")
    expect(page.locator("#after-number")).to_have_text(re.compile(r"^[\d.]+ m?s$"))
    expect(page.locator(".why", has_text=re.compile("because you clicked Film [35]")).first).to_be_visible()
    assert page.locator("#ranked .move", has_text=re.compile("new|▲")).count() > 0
    assert page.locator("#clicks li").all_text_contents() == ["Film 5 (1997)", "Film 3 (1997)"]
    keep(page, "clicked")


def test_every_browser_is_a_user_and_may_start_over(open_page: OpenPage) -> None:
    """Two browsers have two names and two lists; starting over gives a third name and the popular list again."""
    ann, bob = open_page(calm=True), open_page(calm=True)
    popular = titles(bob)
    click_on(ann, "Film 7")
    assert ann.locator("#user-id").inner_text() != bob.locator("#user-id").inner_text()
    assert titles(bob) == popular
    assert titles(ann) != popular
    name = ann.locator("#user-id").inner_text()
    ann.get_by_role("button", name="Start over as someone new").click()
    expect(ann.locator("#user-id")).not_to_have_text(name)
    expect(ann.locator("#strategy")).to_have_text("popular")
    assert titles(ann) == popular
    assert ann.locator("#clicks").inner_text() == "none yet"


def test_the_keyboard_alone_is_enough(open_page: OpenPage) -> None:
    """Type, arrow down, Enter; then Enter on the list: the focus stays in it while it reorders."""
    page = open_page()
    page.get_by_label("Title").focus()
    page.keyboard.type("film 11")
    expect(page.locator("#items button")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#after-text")).to_have_text(re.compile("Film 11"))
    page.locator("#ranked button.title").nth(2).focus()
    clicked = page.locator("#ranked button.title").nth(2).inner_text()
    page.keyboard.press("Enter")
    expect(page.locator("#after-text")).to_have_text(f"after your click on {clicked}")
    assert page.evaluate("document.activeElement.closest('#ranked') !== null")
    expect(page.locator("#announce")).to_have_text(re.compile("^New list, .* after your click on Film"))


def test_a_killed_worker_comes_back_and_nothing_is_lost(open_page: OpenPage, keep: Keep) -> None:
    """Signal 9: gone, restored, caught up; the list is the same to the byte, 0 lost, 0 applied twice."""
    page = open_page()
    click_on(page, "Film 9")
    # The state of the click is acknowledged moments after its list.
    page.wait_for_timeout(2_000)
    shown = titles(page)
    page.get_by_role("button", name="Kill worker-1 with signal 9").first.click()
    worker = page.locator("#workers .worker").first
    # Waited for in the page itself, frame by frame: it is gone for a second only.
    page.locator('#workers .worker[data-state="gone"]').wait_for()
    keep(page, "killed")
    expect(page.locator("#steps li.done", has_text="gone")).to_be_visible()
    expect(worker.locator(".state")).to_have_text("ready")
    expect(worker.locator(".detail")).to_have_text(re.compile("life 2"))
    expect(page.locator("#drill-title")).to_have_text(re.compile(r"^worker-1 recovered in \d+\.\d s$"))
    verdicts = page.locator("#verdicts")
    expect(verdicts).to_contain_text("Your list came back identical")
    expect(verdicts).to_contain_text(re.compile(r"since the kill: 0 lost, 0 applied twice \([1-9][\d,]* users"))
    assert titles(page) == shown
    keep(page, "recovered")


def test_a_click_while_the_worker_is_paused_waits_and_is_answered(open_page: OpenPage) -> None:
    """SIGSTOP: the page says that the click waits; after SIGCONT its list comes."""
    page = open_page()
    page.get_by_role("button", name="Pause worker-1").click()
    try:
        expect(page.locator("#workers .worker .state").first).to_have_text("paused")
        page.locator("#items button").first.click()
        expect(page.locator("#after-text")).to_have_text("your click is safe in Kafka and waits for a worker")
    finally:
        # The other tests' clicks wait for it too.
        page.get_by_role("button", name="Resume worker-1").click()
    expect(page.locator("#after-text")).to_have_text(re.compile("^after your click on"))
    expect(page.locator("#workers .worker .state").first).to_have_text("ready")


def test_poison_becomes_a_dead_letter_and_the_next_click_is_answered(open_page: OpenPage, keep: Keep) -> None:
    """Two poisons, two reasons; the click behind them on the same partition has its list."""
    page = open_page()
    for reason, label in (("not_json", "no JSON"), ("missing_field", "an item is missing")):
        page.get_by_label("A record that is no click").select_option(label=label)
        page.get_by_role("button", name="Send poison").click()
        expect(page.locator("#letters li").first).to_contain_text(reason)
        expect(page.locator("#reasons li", has_text=reason)).to_be_visible()
    click_on(page, "Film 2")
    keep(page, "poisoned")


def test_a_second_worker_takes_partitions_over(open_page: OpenPage, keep: Keep) -> None:
    """It starts, and the four partitions are shared; when it is stopped they go back."""
    page = open_page()
    expect(page.locator("#workers .square.owned")).to_have_count(4)
    page.get_by_role("button", name="Add a worker").click()
    first, second = page.locator("#workers .worker").nth(0), page.locator("#workers .worker").nth(1)
    expect(second.locator(".square.owned")).to_have_count(2)
    expect(first.locator(".square.owned")).to_have_count(2)
    expect(page.locator("#status-text")).to_have_text("2 of 2 workers ready")
    keep(page, "two-workers")
    second.get_by_role("button", name="Stop worker-2").click()
    expect(page.locator("#workers .worker")).to_have_count(1)
    expect(page.locator("#workers .square.owned")).to_have_count(4)


def test_everybodys_figures_are_drawn(open_page: OpenPage) -> None:
    """Clicks flow, at the rate that the slider asks for; the charts have names that say their values."""
    page = open_page()
    for title in ("Per second", "Click to list", "Consumer lag", "HitRate@20", "MRR@20"):
        expect(page.get_by_role("img", name=re.compile(f"^{title}: .*\\d"))).to_be_visible()
    slider = page.get_by_role("slider", name=re.compile("Replayed clicks per second"))
    slider.focus()
    slider.press("Home")
    expect(page.locator("#rate-value")).to_have_text("0")
    expect(page.locator(".legend b").nth(1)).to_have_text("0")
    for _ in range(60):
        slider.press("ArrowRight")
    expect(page.locator(".legend b").nth(1)).not_to_have_text("0")


@pytest.mark.parametrize("look", ["phone", "dark", "phone dark"])
def test_every_look_is_readable(open_page: OpenPage, keep: Keep, look: str) -> None:
    """On a phone nothing scrolls sideways; in light and in dark every text stands out from its ground (WCAG AA)."""
    page = open_page(phone="phone" in look, dark="dark" in look, calm=True)
    click_on(page, "Film 4")
    assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("innerWidth")
    assert page.evaluate(Path(__file__).with_name("contrast.js").read_text(encoding="utf-8")) == []
    brightness = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)[0]")
    assert (brightness < 60) == ("dark" in look)
    keep(page, look.replace(" ", "-"))


def test_everything_that_can_be_operated_has_a_name(open_page: OpenPage) -> None:
    """Buttons, fields, lists and pictures, as assistive technology is told of them; the light look has contrast too."""
    page = open_page(calm=True)
    click_on(page, "Film 6")
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, [role=img], ol, ul")]
            .filter((one) => one.checkVisibility())
            .filter((one) => !(one.ariaLabel || one.textContent.trim() || one.labels?.length
                               || one.getAttribute("aria-labelledby")))
            .map((one) => one.outerHTML)"""
    )
    assert nameless == []
    assert page.evaluate(Path(__file__).with_name("contrast.js").read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/json"},
        {"Content-Type": "application/json", "Origin": "http://evil.example"},
        {"Content-Type": "application/json", "Origin": "http://evil.example", "Host": "evil.example"},
    ],
)
def test_no_other_page_can_press_the_button(demo: Demo, headers: dict[str, str]) -> None:
    """A kill that comes from elsewhere is refused, and the worker lives."""
    server = http.client.HTTPConnection(urlsplit(demo.url).netloc, timeout=60)
    with contextlib.closing(server):
        server.request("POST", "/api/workers/worker-1/kill", b"{}", headers)
        with server.getresponse() as refused:
            assert refused.status == 403
