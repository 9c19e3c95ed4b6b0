"""`nextclick page`: the demo's page over workers that somebody else runs, without the red button."""

from typing import Annotated

import typer

from nextclick.options import BootstrapServers, ServedArtifact

PORT = 8080
EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - of a container, behind a port that is published on loopback


def page(
    worker: Annotated[
        str,
        typer.Option("--worker", metavar="URL", help="The workers' pages; a name of several addresses: all of them."),
    ] = "http://127.0.0.1:6066",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65_535, help="Where it listens; 0 for any free port.")
    ] = PORT,
    in_container: Annotated[
        bool,
        typer.Option(
            "--in-container",
            help="Listen on every address of this container: its port is to be published on the host's loopback. "
            "Requests under any other name than 127.0.0.1 or localhost are refused all the same.",
        ),
    ] = False,
    artifact: ServedArtifact = None,
    bootstrap_servers: BootstrapServers = None,
) -> None:
    """Serve a page to click on, over a worker that runs already, until Ctrl-C.

    What you click is a click like any other, in your click topic, by a user of a new name. The page shows your list and
    everybody's figures; it can neither kill workers nor send poison, `nextclick demo --open` has workers of its own for
    that. It listens on loopback alone. Latencies and what waits are right for workers with `publish=per-click`.

    Example: `nextclick page --worker http://127.0.0.1:6066`
    """
    from rich.console import Console  # noqa: PLC0415

    from export.artifact import load_artifact  # noqa: PLC0415
    from nextclick.page.server import LOOPBACK, PageServer, PageSources  # noqa: PLC0415
    from nextclick.page.watched_workers import WatchedWorkers  # noqa: PLC0415
    from nextclick.signals import StoppedBySignal, raised_at_signal  # noqa: PLC0415
    from workers.settings import load_settings  # noqa: PLC0415

    settings = load_settings(bootstrap_servers=bootstrap_servers, artifact=artifact)
    sources = PageSources(load_artifact(settings.artifact), settings, WatchedWorkers(worker), crowd=None)
    console = Console(highlight=False)
    try:
        with (
            raised_at_signal(),
            PageServer(sources, port=port, host=EVERY_ADDRESS if in_container else LOOPBACK) as server,
        ):
            console.print(f"The page is at [bold cyan]{server.url}[/]  (Ctrl-C ends it)")
            server.wait()
    except StoppedBySignal:
        # A page has no other end than this one.
        return
