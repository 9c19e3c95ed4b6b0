"""A demo of a small data set, served as a page, and a browser to open it with."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    ViewportSize,
    expect,
    sync_playwright,
)

from models.errors import BrokerError
from nextclick.embedded_broker import find_binary
from tests.made_films import write_films
from tests.page import chromium
from tests.page.demos import Demo, start_demo
from tests.processes import alive, descendants

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "build" / "page"
WAIT_MS = 120_000
DESKTOP: ViewportSize = {"width": 1280, "height": 860}
PHONE: ViewportSize = {"width": 390, "height": 844}
# A machine that does other things too may take its time; nothing here depends on how long anything takes.
expect.set_options(timeout=WAIT_MS)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The demo, ended at the end; it leaves no process behind."""
    try:
        find_binary()
    except BrokerError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("page")
    write_films(folder / "mine")
    running = start_demo(folder, "--epochs", "3", "--rate", "20", data_folder="mine")
    started = descendants(running.process.pid)
    try:
        yield running
    finally:
        code = running.stop()
    assert code == 0, "".join(running.lines)
    assert running.lines[-1].strip() == "Stopped; everything that the demo started has ended."
    # Broker and worker, each behind its guard.
    assert len(started) >= 4
    assert alive(started) == set()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium, for a module: Playwright keeps an event loop running, and other tests run their own."""
    path = chromium.find()
    if path is None:
        pytest.skip(f"no Chromium: {chromium.why_not_installable() or 'python -m tests.page.chromium installs one'}")
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=path, args=list(chromium.ARGUMENTS))
        try:
            yield started
        finally:
            started.close()


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(demo: Demo, browser: Browser) -> Iterator[OpenPage]:
    """Opens the page as a browser of its own, a user of its own; what its scripts complain about fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(message.text)

    def look_at(request: Request) -> None:
        if not request.url.startswith(demo.url):
            complaints.append(f"a request to {request.url}")

    def opened(*, phone: bool = False, dark: bool = False, calm: bool = False) -> Page:
        context = browser.new_context(
            viewport=PHONE if phone else DESKTOP,
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce" if calm else "no-preference",
        )
        contexts.append(context)
        context.set_default_timeout(WAIT_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", hear)
        page.on("request", look_at)
        page.goto(demo.url)
        page.wait_for_selector("#ranked li")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def keep() -> Callable[[Page, str], None]:
    """Keeps a screenshot of the whole page under `build/page`."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)

    def screenshot(page: Page, name: str) -> None:
        page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True, animations="disabled")

    return screenshot
