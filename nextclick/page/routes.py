"""The page's addresses: files, the stream of events, what visitors do, and, in the demo, the red button."""

import asyncio
from pathlib import Path

import aiohttp
import msgspec
from aiohttp import web

from models.errors import NextclickError
from nextclick.page.events import Stream
from nextclick.page.live_page import LivePage
from nextclick.page.messages import Item
from nextclick.page.red_button import RedButton
from nextclick.page.request_bodies import (
    ClickBody,
    NoBody,
    PoisonBody,
    RateBody,
    read_body,
    remember,
    require_visitor,
    visitor_of,
)
from nextclick.page.request_checks import Handler, checked
from nextclick.page.visitors import Visitor

STATIC = Path(__file__).with_name("static")
# A click, or a rate: whatever is larger is none.
MOST_BODY_BYTES = 4_096
KEEP_ALIVE_S = 15.0


def page_app(page: LivePage, session: aiohttp.ClientSession, button: RedButton | None) -> web.Application:
    """Return the web application.

    Args:
        page: What it shows.
        session: For the workers' pages.
        button: What only the demo has; None: such requests find nothing.
    """
    app = web.Application(middlewares=[checked, _told_errors], client_max_size=MOST_BODY_BYTES)
    pages = _Pages(page, session, button)
    app.router.add_get("/", pages.index)
    app.router.add_static("/static/", STATIC)
    app.router.add_get("/api/items", pages.items)
    app.router.add_get("/api/events", pages.events)
    app.router.add_post("/api/clicks", pages.click)
    app.router.add_post("/api/someone-new", pages.someone_new)
    if button is not None:
        doings = _Doings(page, button)
        app.router.add_post("/api/rate", doings.rate)
        app.router.add_post("/api/poison", doings.poison)
        app.router.add_post("/api/workers", doings.add_worker)
        app.router.add_post("/api/workers/{name}/{action}", doings.act)
    return app


@web.middleware
async def _told_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer an error of ours as one sentence."""
    try:
        return await handler(request)
    except NextclickError as error:
        return _json({"error": str(error)}, status=409)


class _Pages:
    """What every page has."""

    def __init__(self, page: LivePage, session: aiohttp.ClientSession, button: RedButton | None) -> None:
        self._page = page
        self._session = session
        self._button = button

    async def index(self, request: web.Request) -> web.StreamResponse:
        """Answer the page; a browser that comes for the first time is given a name."""
        response = web.FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-store"})
        if visitor_of(self._page, request) is None:
            remember(response, self._page.visitors.welcome())
        return response

    async def items(self, request: web.Request) -> web.Response:
        """Answer the items that somebody searches."""
        found: list[Item] = self._page.items.find(request.query.get("q", ""), request.query.get("category") or None)
        return _json({"items": found})

    async def click(self, request: web.Request) -> web.Response:
        """Take a click."""
        body = await read_body(request, ClickBody)
        await self._page.click(require_visitor(self._page, request), body.item_id)
        return _json({})

    async def someone_new(self, request: web.Request) -> web.Response:
        """Let the browser start over as somebody of whom nothing is known."""
        await read_body(request, NoBody)
        response = _json({})
        remember(response, self._page.visitors.welcome())
        return response

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Answer the stream of events, until the browser leaves."""
        visitor = require_visitor(self._page, request)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        stream = self._page.streams.open(visitor.user_id)
        try:
            stream.put(self._page.hello(visitor))
            self._page.tell_workers(again=True)
            # Beside what is told meanwhile: a worker may take its time.
            self._page.spawn(self._tell_list(stream, visitor))
            if self._button is not None and self._button.newest is not None:
                stream.put(self._button.newest)
            await _write(stream, response)
        except ConnectionResetError:
            # The browser has left.
            pass
        finally:
            self._page.streams.close(stream)
        return response

    async def _tell_list(self, stream: Stream, visitor: Visitor) -> None:
        """Tell a browser that has just come its user's present list."""
        present = await self._page.list_now(self._session, visitor)
        if present is not None:
            stream.put(present)
        if visitor.reasons is not None:
            stream.put(visitor.reasons)


class _Doings:
    """What only the demo has."""

    def __init__(self, page: LivePage, button: RedButton) -> None:
        self._page = page
        self._button = button

    async def rate(self, request: web.Request) -> web.Response:
        """Change the crowd's rate."""
        body = await read_body(request, RateBody)
        rate = 0.0 if self._page.crowd is None else self._page.crowd.set_rate(body.clicks_per_s)
        return _json({"clicks_per_s": rate})

    async def poison(self, request: web.Request) -> web.Response:
        """Send a record that is no click."""
        body = await read_body(request, PoisonBody)
        await self._button.send_poison(require_visitor(self._page, request), body.reason)
        return _json({})

    async def add_worker(self, request: web.Request) -> web.Response:
        """Start a worker."""
        await read_body(request, NoBody)
        await self._button.add_worker()
        return _json({})

    async def act(self, request: web.Request) -> web.Response:
        """Kill, pause, resume or stop a worker."""
        await read_body(request, NoBody)
        await self._button.act(request.match_info["name"], request.match_info["action"])
        return _json({})


def _json(content: object, *, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(content), status=status, content_type="application/json")


async def _write(stream: Stream, response: web.StreamResponse) -> None:
    """Write what is said to a browser, until its stream ends; a comment now and then finds out that it has left."""
    while True:
        try:
            message = await asyncio.wait_for(stream.unread.get(), KEEP_ALIVE_S)
        except TimeoutError:
            message = b": still here\n\n"
        if message is None:
            return
        await response.write(message)
