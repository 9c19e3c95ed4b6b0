"""`nextclick worker`: clicks in, lists out, until it is stopped."""

from pathlib import Path
from typing import Annotated

import typer

from nextclick.options import BootstrapServers, ClicksTopic, Shadow


def worker(
    artifact: Annotated[
        Path | None,
        typer.Option("--artifact", metavar="FOLDER", help="The model to serve, as `nextclick export` wrote it."),
    ] = None,
    bootstrap_servers: BootstrapServers = None,
    app_id: Annotated[
        str | None, typer.Option("--app-id", metavar="NAME", help="Workers of one name share the partitions.")
    ] = None,
    clicks_topic: ClicksTopic = None,
    shadow: Shadow = None,
    publish: Annotated[
        str | None, typer.Option("--publish", metavar="per-click|per-batch", help="Which clicks get a list.")
    ] = None,
    store: Annotated[
        str | None, typer.Option("--store", metavar="memory|rocksdb", help="Where user states are between clicks.")
    ] = None,
    state_folder: Annotated[
        Path | None, typer.Option("--state-folder", metavar="FOLDER", help="Where the RocksDB store lies.")
    ] = None,
    web_port: Annotated[
        int | None, typer.Option("--web-port", metavar="PORT", help="Where /livez, /readyz and /metrics answer.")
    ] = None,
    log_level: Annotated[
        str | None, typer.Option("--log-level", metavar="LEVEL", help="DEBUG, INFO, WARNING or ERROR.")
    ] = None,
    log_format: Annotated[
        str | None, typer.Option("--log-format", metavar="text|json", help="For a person or for a machine.")
    ] = None,
) -> None:
    """Consume clicks, advance each user's state by one step a click, publish fresh lists.

    Every setting can be given as an environment variable, `nextclick config` lists them; the ones above come up most.
    The topics must be there: `nextclick topics create`. Stops cleanly on Ctrl-C or SIGTERM. With `--shadow`, it tries a
    model on the live clicks without touching anything of production's.

    Example: `nextclick worker --artifact artifacts/eshop`
    """
    from nextclick.shadow import chosen_settings  # noqa: PLC0415
    from workers.app import create_app  # noqa: PLC0415 - Faust takes a second to import

    settings = chosen_settings(
        shadow,
        artifact=artifact,
        bootstrap_servers=bootstrap_servers,
        app_id=app_id,
        clicks_topic=clicks_topic,
        publish=publish,
        store=store,
        state_folder=state_folder,
        web_port=web_port,
        log_level=log_level,
        log_format=log_format,
    )
    app = create_app(settings)
    app.finalize()
    app.Worker(loglevel=settings.log_level, quiet=True).execute_from_commandline()
