"""The page's addresses, with a clicker that keeps what it is given: no broker."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request

from export.artifact import Artifact
from nextclick.page.account import ClickAccount
from nextclick.page.live_page import LivePage
from nextclick.page.red_button import RedButton
from nextclick.page.routes import page_app
from nextclick.page.watched_workers import WatchedWorkers
from nextclick.replaying import ClickMessage
from tests.page.records import list_of

Client = TestClient[Request, Application]


class KeepingClicker:
    """Keeps what it is asked to send."""

    def __init__(self) -> None:
        self.clicks: list[ClickMessage] = []
        self.poison_sent: list[tuple[bytes, bytes | None]] = []

    async def click(self, click: ClickMessage) -> None:
        """Keep a click."""
        self.clicks.append(click)

    async def poison(self, key: bytes, value: bytes | None) -> None:
        """Keep a poison."""
        self.poison_sent.append((key, value))


class NoFleet:
    """A fleet in which nobody is."""

    slots: dict[str, Any] = {}  # noqa: RUF012 - a fake


Visit = Callable[[Client, LivePage, KeepingClicker], Awaitable[None]]


def visit(artifact: Artifact, what: Visit, *, with_button: bool = True) -> None:
    """Serve a page and do something with it."""

    async def serve() -> None:
        clicker = KeepingClicker()
        workers = WatchedWorkers("http://127.0.0.1:1")
        page = LivePage(artifact, ClickAccount({0: 0}), workers, clicker, None)  # type: ignore[arg-type]
        page.begin()
        async with aiohttp.ClientSession() as session:
            button = RedButton(page, NoFleet(), session) if with_button else None  # type: ignore[arg-type]
            async with TestClient(TestServer(page_app(page, session, button))) as client:
                await what(client, page, clicker)
                page.close()

    asyncio.run(serve())


async def post(client: Client, path: str, body: object) -> int:
    """Send what the page itself would send."""
    async with client.post(path, json=body, headers={"Origin": str(client.make_url("")).rstrip("/")}) as answer:
        return answer.status


async def events(client: Client, count: int) -> list[str]:
    """Return the beginnings of a browser's first events."""
    async with client.get("/api/events") as stream:
        said = []
        async for line in stream.content:
            if line.startswith(b"data: "):
                said.append(line.decode())
            if len(said) == count:
                return said
    raise AssertionError("the stream ended")


def test_a_browser_is_given_a_name_and_clicks_under_it(tiny_artifact: Artifact) -> None:
    """The first visit sets a cookie that no script reads; a click of an unknown item is refused in one sentence."""

    async def click(client: Client, _page: LivePage, clicker: KeepingClicker) -> None:
        async with client.get("/") as answer:
            assert answer.status == 200
            cookie = answer.headers["Set-Cookie"]
            assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert await post(client, "/api/clicks", {"item_id": "item-03"}) == 200
        assert await post(client, "/api/clicks", {"item_id": "none"}) == 409
        assert await post(client, "/api/clicks", {"item": 3}) == 400
        (sent,) = clicker.clicks
        assert cookie.startswith(f"nextclick-user={sent.user_id};")
        assert (sent.item_id, sent.event_id) == ("item-03", f"{sent.user_id}-0")

    visit(tiny_artifact, click)


def test_nobody_clicks_without_a_name_of_ours(tiny_artifact: Artifact) -> None:
    """A cookie of another run is nobody's: 403, and the next visit gives a new name."""

    async def click(client: Client, _page: LivePage, clicker: KeepingClicker) -> None:
        client.session.cookie_jar.update_cookies({"nextclick-user": "you-of-yesterday"}, client.make_url("/"))
        assert await post(client, "/api/clicks", {"item_id": "item-03"}) == 403
        assert clicker.clicks == []
        async with client.get("/") as answer:
            assert "nextclick-user=you-" in answer.headers["Set-Cookie"]

    visit(tiny_artifact, click)


def test_a_list_goes_to_its_user_with_its_time_and_its_reasons(tiny_artifact: Artifact) -> None:
    """A list out of the topic reaches the browser that clicked: 20 ms after the click, written after 5 ms."""

    async def click(client: Client, page: LivePage, clicker: KeepingClicker) -> None:
        await (await client.get("/")).read()
        await post(client, "/api/clicks", {"item_id": "item-03"})
        (sent,) = clicker.clicks
        reading = asyncio.create_task(events(client, 3))
        while not page.streams.user_ids:  # noqa: ASYNC110 - the browser's coming sets no event
            await asyncio.sleep(0.01)
        record = list_of(0, "item-04", user=sent.user_id, event_id=sent.event_id)
        record = record._replace(timestamp=sent.timestamp_ms + 5)
        await asyncio.to_thread(page.take_lists, [record], (sent.timestamp_ms + 20) / 1000 + 0.0001)
        hello, _workers, shown = await reading
        assert f'"user_id":"{sent.user_id}"' in hello
        assert '"after_ms":20,"written_after_ms":5,"offset":"0/0"' in shown
        assert '"title":"Title of item-04"' in shown

    visit(tiny_artifact, click)


def test_poison_goes_out_under_the_visitors_key(tiny_artifact: Artifact) -> None:
    """A reason that the page offers is sent, another one refused; a worker that is not there cannot be killed."""

    async def poison(client: Client, _page: LivePage, clicker: KeepingClicker) -> None:
        await (await client.get("/")).read()
        assert await post(client, "/api/poison", {"reason": "not_json"}) == 200
        assert await post(client, "/api/poison", {"reason": "model_failure"}) == 409
        ((key, value),) = clicker.poison_sent
        assert key.startswith(b"you-")
        assert value is not None
        assert await post(client, "/api/workers/worker-9/kill", {}) == 409

    visit(tiny_artifact, poison)


@pytest.mark.parametrize("path", ["/api/workers", "/api/workers/worker-1/kill", "/api/poison", "/api/rate"])
def test_without_workers_of_its_own_a_page_has_no_red_button(tiny_artifact: Artifact, path: str) -> None:
    """`nextclick page` finds nothing under the button's addresses."""

    async def press(client: Client, _page: LivePage, _clicker: KeepingClicker) -> None:
        await (await client.get("/")).read()
        assert await post(client, path, {}) == 404

    visit(tiny_artifact, press, with_button=False)


def test_a_browser_that_does_not_read_is_let_go(tiny_artifact: Artifact) -> None:
    """Its stream ends before it fills the memory."""

    async def sleep(_client: Client, page: LivePage, _clicker: KeepingClicker) -> None:
        stream = page.streams.open("you-1")
        for _ in range(1_000):
            page.tell_workers(again=True)
        assert stream.unread.qsize() < 300
        waiting = [stream.unread.get_nowait() for _ in range(stream.unread.qsize())]
        assert None in waiting

    visit(tiny_artifact, sleep)
