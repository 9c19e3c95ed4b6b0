"""`python -m tests.page.picture`: docs/page.png and docs/page-red-button.png anew, from the real page.

A demo on MovieLens 100K is started as `make page` does, clicked on, and its worker is killed: nothing is drawn by hand.
"""

import re
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from tests.page import chromium
from tests.page.demos import start_demo

ROOT = Path(__file__).parents[2]
FILMS = ("Toy Story", "Star Wars", "Blade Runner", "Alien (")
WIDTH, HEIGHT = 1280, 900
# Long enough for lines to be seen in the charts.
CHARTS_FILL_MS = 75_000
# Of the list, whole rows.
ROWS_SHOWN = 11
COLOURS = 128


def main() -> None:
    """Make the pictures."""
    path = chromium.find()
    if path is None:
        sys.exit("There is no Chromium: `python -m tests.page.chromium` installs one where it can.")
    demo = start_demo(ROOT, "--rate", "60")
    try:
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=path, args=list(chromium.ARGUMENTS))
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, reduced_motion="reduce")
            page.goto(demo.url)
            expect(page.locator("#workers .square.owned")).to_have_count(4, timeout=60_000)
            page.wait_for_timeout(CHARTS_FILL_MS)
            take_you(page)
            take_red_button(page)
            browser.close()
    finally:
        demo.stop()


def take_you(page: Page) -> None:
    """Click a few films; keep the upper part of the page."""
    for film in FILMS:
        page.get_by_label("Title").fill(film)
        page.get_by_role("button", name=re.compile(f"^{re.escape(film)}")).first.click()
        expect(page.locator("#after-text")).to_have_text(re.compile(f"^after your click on {re.escape(film)}"))
    page.get_by_label("Title").fill("")
    expect(page.locator("#why-note")).to_be_visible()
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    page.mouse.move(0, 0)
    page.wait_for_timeout(500)
    below = page.evaluate(f"document.querySelectorAll('#ranked li')[{ROWS_SHOWN - 1}].getBoundingClientRect().bottom")
    keep(page, "page", (0, 0, WIDTH, int(below)))


def take_red_button(page: Page) -> None:
    """Send poison, kill the worker, wait until it is back; keep the lower part of the page."""
    page.get_by_role("button", name="Send poison").click()
    page.get_by_role("button", name="Kill worker-1 with signal 9").first.click()
    expect(page.locator("#verdicts")).to_contain_text("Your list", timeout=120_000)
    page.wait_for_timeout(2_000)
    page.evaluate("document.activeElement.blur()")
    top = page.evaluate("document.querySelector('#everyone-title').getBoundingClientRect().top + scrollY - 16")
    bottom = page.evaluate("document.querySelector('main').getBoundingClientRect().bottom + scrollY")
    keep(page, "page-red-button", (0, int(top), WIDTH, int(bottom) + 24))


def keep(page: Page, name: str, box: tuple[int, int, int, int]) -> None:
    """Keep a part of the whole page as docs/NAME.png, with few colours: it is read over the network."""
    path = ROOT / "docs" / f"{name}.png"
    page.screenshot(path=path, full_page=True)
    with Image.open(path) as whole:
        whole.convert("RGB").crop(box).quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    sys.stdout.write(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB\n")


if __name__ == "__main__":
    main()
