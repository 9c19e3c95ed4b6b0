"""What browsers send, and who sends it."""

from typing import TypeVar

import msgspec
from aiohttp import web

from nextclick.page.live_page import LivePage
from nextclick.page.visitors import Visitor

COOKIE = "nextclick-user"


class ClickBody(msgspec.Struct, frozen=True):
    """A click."""

    item_id: str


class RateBody(msgspec.Struct, frozen=True):
    """The crowd's rate."""

    clicks_per_s: float


class PoisonBody(msgspec.Struct, frozen=True):
    """A record that is no click, by the reason for which it will be set aside."""

    reason: str


class NoBody(msgspec.Struct, frozen=True):
    """An empty object."""


Body = TypeVar("Body", ClickBody, RateBody, PoisonBody, NoBody)


async def read_body(request: web.Request, kind: type[Body]) -> Body:
    """Return a request's body.

    Raises:
        HTTPBadRequest: If it is none of this kind.
    """
    try:
        return msgspec.json.decode(await request.read(), type=kind)
    except msgspec.DecodeError as error:
        raise web.HTTPBadRequest(text=f"The body cannot be read: {error}\n") from error


def visitor_of(page: LivePage, request: web.Request) -> Visitor | None:
    """Return who sends a request; None where this page has named nobody so."""
    return page.visitors.of_id(request.cookies.get(COOKIE))


def require_visitor(page: LivePage, request: web.Request) -> Visitor:
    """Return who sends a request.

    Raises:
        HTTPForbidden: If this page has named nobody so: it was started anew, or the browser keeps no cookies.
    """
    visitor = visitor_of(page, request)
    if visitor is None:
        raise web.HTTPForbidden(text="This page does not know you: load it again.\n")
    return visitor


def remember(response: web.StreamResponse, visitor: Visitor) -> None:
    """Let the browser send the visitor's name with every request; no script and no other site can read or send it."""
    response.set_cookie(COOKIE, visitor.user_id, httponly=True, samesite="Strict")
