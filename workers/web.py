"""What a worker answers over HTTP, on Faust's own web server: its health, its metrics, and users' lists."""

from collections.abc import Callable
from typing import cast

import aiohttp.web
from faust.web import Request, Response, View
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from workers.forwarding import FORWARDED_HEADER
from workers.metrics import WorkerMetrics
from workers.readiness import Readiness
from workers.streaming_app import StreamingApp
from workers.user_list_page import PREFIX, Question, UserListPage, not_now


def add_pages(app: StreamingApp, metrics: WorkerMetrics, readiness: Readiness) -> None:
    """Add the pages of a worker's health to its web server."""

    @app.page("/livez")
    async def livez(self: View, request: Request) -> Response:  # noqa: ARG001 - Faust's signature
        """Answer 200 while the event loop turns."""
        return self.text("alive\n")

    @app.page("/readyz")
    async def readyz(self: View, request: Request) -> Response:  # noqa: ARG001
        """Answer 200 while the worker is ready, else 503 and what it waits for."""
        waiting_for = readiness.waiting_for
        return self.text("ready\n") if waiting_for is None else self.text(f"{waiting_for}\n", status=503)

    @app.page("/metrics")
    async def metrics_page(self: View, request: Request) -> Response:  # noqa: ARG001
        """Answer Prometheus' text format."""
        # In a header: aiohttp takes no charset in a content type.
        return self.bytes(generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


def add_user_list_page(app: StreamingApp, page: Callable[[], UserListPage | None]) -> None:
    """Add the page of users' lists to the worker's web server.

    Args:
        app: The worker.
        page: Returns what answers; None while the model is not loaded.
    """

    @app.page(PREFIX + "{user_id}")
    async def recommendations(self: View, request: Request, user_id: str) -> Response:  # noqa: ARG001 - decoded by aiohttp
        """Answer the list that a user would be given now."""
        asked = cast(aiohttp.web.Request, request)
        answering = page()
        if answering is None:
            answer = not_now("The worker is not ready, it loads the model.")
        else:
            # As it was sent: what is no UTF-8 would not survive being decoded.
            encoded_id = asked.rel_url.raw_path.rpartition("/")[2]
            is_forwarded = FORWARDED_HEADER in asked.headers
            answer = await answering.answer(Question(encoded_id, asked.headers.get("Authorization"), is_forwarded))
        headers = {"Content-Type": answer.content_type, **answer.headers}
        return self.bytes(answer.body, status=answer.status, headers=headers)
