"""What a worker answers over HTTP: /livez, /readyz and /metrics, on Faust's own web server."""

from faust.web import Request, Response, View
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from workers.metrics import WorkerMetrics
from workers.readiness import Readiness
from workers.streaming_app import StreamingApp


def add_pages(app: StreamingApp, metrics: WorkerMetrics, readiness: Readiness) -> None:
    """Add the pages to the worker's web server."""

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
