"""The real page and its real server on a stage: the test is broker and worker, and answers when it wants to."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future
from itertools import count
from threading import Event, Thread
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import web

from export.artifact import Artifact
from models.errors import BrokerError
from nextclick.page.account import ClickAccount
from nextclick.page.live_page import LivePage
from nextclick.page.routes import page_app
from nextclick.page.watched_workers import WatchedWorkers
from nextclick.replaying import ClickMessage
from tests.page.records import letter, list_of
from tests.page.records import record as record_of

TIMEOUT_S = 30.0


class StageClicker:
    """Keeps the clicks that it is given; takes none while `refusal` says why."""

    def __init__(self) -> None:
        self.clicks: list[ClickMessage] = []
        self.refusal: str | None = None

    async def click(self, click: ClickMessage) -> None:
        """Keep a click, or refuse it as a broker that does not answer."""
        if self.refusal is not None:
            raise BrokerError(self.refusal)
        self.clicks.append(click)

    async def poison(self, key: bytes, value: bytes | None) -> None:
        """Nothing here sends any."""
        raise NotImplementedError


class StageWorkers(WatchedWorkers):
    """Workers that answer any user with one list, at once or when `may_answer` is set."""

    def __init__(self, items: tuple[str, ...]) -> None:
        super().__init__("http://127.0.0.1:1")
        self.items = items
        self.may_answer = Event()
        self.may_answer.set()
        self.was_asked = Event()

    async def user_list(self, session: aiohttp.ClientSession, user_id: str) -> bytes | None:  # noqa: ARG002
        """Answer as `GET /recommendations/{user}` does somebody of whom nothing is known."""
        self.was_asked.set()
        await asyncio.to_thread(self.may_answer.wait, TIMEOUT_S)
        names = ",".join(f'"{item}"' for item in self.items)
        return f'{{"items":[{names}],"strategy":"popular"}}'.encode()


class Stage:
    """The page, served within a `with` block.

    Args:
        artifact: Its items are what can be clicked.

    Attributes:
        clicker: What browsers click ends here.
        workers: Whom the page asks for a list before the first click.
        page: What the browsers see.
        url: Where.
    """

    def __init__(self, artifact: Artifact) -> None:
        self.clicker = StageClicker()
        self.workers = StageWorkers(("item-01", "item-02", "item-03"))
        self.page = LivePage(artifact, ClickAccount({0: 0}), self.workers, self.clicker, None)  # type: ignore[arg-type]
        self.url = ""
        # An offset is answered once, whichever test asks.
        self._offsets = count()
        self._began: Future[tuple[str, Callable[[], None]]] = Future()
        self._end: Callable[[], None] = lambda: None
        self._thread = Thread(target=lambda: asyncio.run(self._serve()))

    def __enter__(self) -> Self:
        self._thread.start()
        self.url, self._end = self._began.result(TIMEOUT_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.workers.may_answer.set()
        self._end()
        self._thread.join(TIMEOUT_S)

    def wait_for_click(self, number: int) -> ClickMessage:
        """Return the click that came as the `number`-th, from 1."""
        deadline = time.monotonic() + TIMEOUT_S
        while len(self.clicker.clicks) < number:
            assert time.monotonic() < deadline, f"{len(self.clicker.clicks)} of {number} clicks arrived"
            time.sleep(0.01)
        return self.clicker.clicks[number - 1]

    def answer(self, click: ClickMessage, *items: str) -> None:
        """Let a click's list be read out of the output topic, 20 ms after the click."""
        record = list_of(next(self._offsets), *items, user=click.user_id, event_id=click.event_id)
        self.page.take_lists([record._replace(timestamp=click.timestamp_ms + 5)], (click.timestamp_ms + 20.1) / 1000)

    def set_aside(self, *offsets: int) -> None:
        """Let records of the click topic be read, and their dead letters."""
        self.page.account.take_clicks([record_of(offset, value=b"?", timestamp=1) for offset in offsets], 1.0)
        self.page.take_letters([letter(offset) for offset in offsets], 1.0)

    async def _serve(self) -> None:
        self.page.begin()
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        async with aiohttp.ClientSession() as session:
            runner = web.AppRunner(page_app(self.page, session, None), shutdown_timeout=1.0)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            figures = asyncio.create_task(self.page._tell_figures())
            url = f"http://127.0.0.1:{runner.addresses[0][1]}/"

            def end() -> None:
                loop.call_soon_threadsafe(stop.set)

            self._began.set_result((url, end))
            await stop.wait()
            figures.cancel()
            self.page.close()
            await runner.cleanup()
