"""Who may ask: a page of ours, in a browser on this machine.

The server listens on loopback, and that is not enough: any web page that is open in the same browser can send requests
there. So every request has to name this machine as its host (a foreign name that resolves to 127.0.0.1, as in DNS
rebinding, does not), and whatever changes anything has to come from a page of this very address, as JSON: a foreign
page's form can send no JSON, its scripts may not name our origin, and no frame of it may show our buttons.
"""

from collections.abc import Awaitable, Callable

from aiohttp import web

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def refusal(method: str, host: str, origin: str | None, content_type: str) -> str | None:
    """Return why a request is refused, or None.

    Args:
        method: GET and HEAD change nothing.
        host: The header, with the port.
        origin: The header; browsers send it with every POST, and a script cannot set it.
        content_type: Without its parameters.
    """
    name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
    if name not in LOOPBACK_NAMES:
        return f"This page is for this machine alone: open it as http://127.0.0.1, not as {host[:80]!r}."
    if method in ("GET", "HEAD"):
        return None
    if origin != f"http://{host}":
        return "Only this page itself may do that, and the request came from elsewhere."
    if content_type != "application/json":
        return "Send JSON."
    return None


@web.middleware
async def checked(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what does not come from a page of ours; add the headers that keep others out."""
    why = refusal(request.method, request.headers.get("Host", ""), request.headers.get("Origin"), request.content_type)
    if why is not None:
        return web.Response(status=403, text=f"{why}\n", headers=SECURITY_HEADERS)
    response = await handler(request)
    if not response.prepared:
        response.headers.update(SECURITY_HEADERS)
    return response
