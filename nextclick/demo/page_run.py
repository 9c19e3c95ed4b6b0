"""`nextclick demo --open`: the demo as a page, until somebody ends it.

1. Build the model, or reuse what a run before has left.
2. Start the embedded broker, or take the user's; create topics of this run's own.
3. Start a worker, and the page that watches it.
4. Replay the held-out clicks beside those of whoever opens the page.
5. Wait for Ctrl-C.
"""

import os
import sys
import webbrowser
from typing import NoReturn

from rich.console import Console

from nextclick.demo.building import build_model
from nextclick.demo.run import INTRODUCTION, DemoOptions
from nextclick.demo.steps import Steps
from nextclick.demo.surroundings import require_a_broker, settings_for_this_run, topics_of_this_run
from nextclick.embedded_broker import given_or_embedded
from nextclick.page.crowd import Crowd
from nextclick.page.fleet import Fleet
from nextclick.page.server import PageServer, PageSources

LOGS = "workers"


def run_page(options: DemoOptions, console: Console, *, port: int, opens_browser: bool) -> NoReturn:
    """Serve the page until a signal ends it.

    Args:
        options: As for the demo on a terminal; `rate` is the crowd's at first.
        console: Where the steps are told.
        port: Where the page listens, on loopback; 0 for any free port.
        opens_browser: Whether a browser is to be opened.

    Raises:
        NextclickError: If a step fails, or the page stops being served.
    """
    console.print(INTRODUCTION, highlight=False)
    require_a_broker(options.bootstrap_servers)
    steps = Steps(console)
    built = build_model(options.work, options.data_folder, epochs=options.epochs, steps=steps)
    clicks = built.data.test if options.limit is None else built.data.test.head(options.limit)
    is_embedded = options.bootstrap_servers is None
    with given_or_embedded(options.bootstrap_servers) as address:
        settings = settings_for_this_run(built.artifact.folder, address, is_embedded=is_embedded)
        with (
            topics_of_this_run(settings, is_embedded=is_embedded, console=console),
            Fleet(settings, options.work / LOGS) as fleet,
        ):
            crowd = Crowd(clicks, built.data.description.name, settings, options.rate)
            with PageServer(PageSources(built.artifact, settings, fleet, crowd), port=port) as server:
                with steps.step("worker", "Starting a worker") as step:
                    fleet.wait_until_ready()
                    step.done(f"a Faust process on the broker at {address}, logs in {options.work / LOGS}")
                _invite(server.url, console, opens_browser=opens_browser)
                server.wait()


def _invite(url: str, console: Console, *, opens_browser: bool) -> None:
    console.print(f"\nThe page is at [bold cyan]{url}[/]  (Ctrl-C ends everything)\n", highlight=False)
    if opens_browser and has_a_display():
        webbrowser.open(url)


def has_a_display() -> bool:
    """Return whether a browser would come up in a window: in a terminal it would take over the demo's."""
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
