"""The page's server: feeds, clicker, crowd, and an event loop in a thread of its own, alive within a `with` block.

browsers ──clicks──> Clicker ──> Kafka `clicks` <── Crowd
   ^                                   │
   │                                workers (Fleet, or somebody else's)
   │                                   │
   └── Streams <── LivePage <── TopicFeed: lists, clicks, dead letters, states
"""

import asyncio
import contextlib
from contextlib import ExitStack
from dataclasses import dataclass
from threading import Event, Thread
from types import TracebackType
from typing import NoReturn, Self

import aiohttp
from aiohttp import web

from export.artifact import Artifact
from models.errors import NextclickError
from nextclick.page.account import ClickAccount
from nextclick.page.clicker import Clicker
from nextclick.page.crowd import Crowd
from nextclick.page.feeds import QUIET_FETCH_WAIT_MS, TopicFeed
from nextclick.page.fleet import Fleet
from nextclick.page.live_page import LivePage
from nextclick.page.red_button import RedButton
from nextclick.page.routes import page_app
from nextclick.page.watched_workers import WatchedWorkers
from nextclick.topic_reading import FETCH_WAIT_MS
from workers.settings import Settings

LOOPBACK = "127.0.0.1"
START_TIMEOUT_S = 20.0
FEEDS_EVERY_S = 1.0
# How soon a signal is heard.
ALIVE_EVERY_S = 0.2
# Browsers whose streams were ended are gone at once; what is left is cut off.
SHUTDOWN_TIMEOUT_S = 2.0


@dataclass(frozen=True)
class PageSources:
    """What a page is made of.

    Attributes:
        artifact: The model that the workers serve.
        settings: Theirs; they name broker and topics.
        workers: Ours to kill, or somebody else's to watch.
        crowd: Users beside those at the browsers; None where somebody else replays.
    """

    artifact: Artifact
    settings: Settings
    workers: Fleet | WatchedWorkers
    crowd: Crowd | None


class PageServer:
    """Serves the page.

    Args:
        sources: What it is made of.
        port: Where it listens; 0 for any free port.
        host: What it is bound to; anything but loopback is for the inside of a container alone.

    Raises:
        NextclickError: On entering, if the port is taken or the broker does not answer.
    """

    def __init__(self, sources: PageSources, *, port: int = 0, host: str = LOOPBACK) -> None:
        self._sources = sources
        self._host = host
        self._port = port
        self._parts = ExitStack()
        self._feeds: list[TopicFeed] = []
        self._thread = Thread(target=self._serve, name="page", daemon=True)
        self._listening = Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{LOOPBACK}:{self._port}/"

    def __enter__(self) -> Self:
        sources, settings = self._sources, self._sources.settings
        with ExitStack() as parts:
            # The clicks last: a click that counts has its list behind the place at which its feed begins.
            lists = parts.enter_context(self._feed(settings.recommendations_topic))
            letters = parts.enter_context(self._feed(settings.dead_letter_topic))
            # Of users who clicked before the page was there a state cannot be judged: only the demo begins with all.
            is_from_the_first = isinstance(sources.workers, Fleet)
            states = parts.enter_context(self._feed(settings.changelog_topic)) if is_from_the_first else None
            clicks = parts.enter_context(self._feed(settings.source_topic))
            account = ClickAccount(clicks.starts)
            clicker = parts.enter_context(Clicker(settings))
            self.page = LivePage(sources.artifact, account, sources.workers, clicker, sources.crowd)
            lists.start(self.page.take_lists)
            letters.start(self.page.take_letters)
            if states is not None:
                states.start(account.take_states)
            clicks.start(account.take_clicks)
            self._thread.start()
            parts.callback(self._end)
            if not self._listening.wait(START_TIMEOUT_S) or self._failure is not None:
                raise NextclickError(f"The page cannot be served on port {self._port}: {self._failure}.")
            if sources.crowd is not None:
                parts.enter_context(sources.crowd)
            self._parts = parts.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._parts.close()

    def wait(self) -> NoReturn:
        """Serve until a signal raises what ends the block.

        Raises:
            NextclickError: If the page's thread has ended.
        """
        while self._thread.is_alive():
            self._thread.join(ALIVE_EVERY_S)
        raise NextclickError(f"The page is served no more: {self._failure}.") from self._failure

    def _feed(self, topic: str) -> TopicFeed:
        settings = self._sources.settings
        is_waited_for = topic == settings.recommendations_topic
        feed = TopicFeed(settings, topic, fetch_wait_ms=FETCH_WAIT_MS if is_waited_for else QUIET_FETCH_WAIT_MS)
        self._feeds.append(feed)
        return feed

    def _end(self) -> None:
        if self._loop is not None and self._stop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _serve(self) -> None:
        try:
            asyncio.run(self._run())
        except Exception as failure:  # noqa: BLE001 - raised again where it was started, or asked for
            self._failure = failure
        finally:
            self._listening.set()

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self.page.begin()
        async with aiohttp.ClientSession() as session:
            workers = self._sources.workers
            button = RedButton(self.page, workers, session) if isinstance(workers, Fleet) else None
            runner = web.AppRunner(
                page_app(self.page, session, button), access_log=None, shutdown_timeout=SHUTDOWN_TIMEOUT_S
            )
            await runner.setup()
            try:
                site = web.TCPSite(runner, self._host, self._port)
                await site.start()
                self._port = runner.addresses[0][1]
                self._listening.set()
                await self._until_stopped(session)
            finally:
                self.page.close()
                await runner.cleanup()

    async def _until_stopped(self, session: aiohttp.ClientSession) -> None:
        """Run the page until it is told to stop, or a part of it fails."""
        if self._stop is None:
            raise RuntimeError("The event loop has not begun.")
        running = [
            asyncio.create_task(work) for work in (self.page.run(session), self._watch_feeds(), self._stop.wait())
        ]
        done, pending = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        for task in done:
            task.result()

    async def _watch_feeds(self) -> None:
        """Say on the page when a topic is read no more."""
        crowd = self._sources.crowd
        while True:
            failures = [str(failure) for feed in self._feeds if (failure := feed.failure) is not None]
            if crowd is not None and crowd.failure is not None:
                failures.append(f"Nobody clicks any more: {crowd.failure}.")
            self.page.trouble = " ".join(failures)
            await asyncio.sleep(FEEDS_EVERY_S)
