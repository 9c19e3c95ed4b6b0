"""`nextclick demo`: all of it at once, on real clicks."""

from pathlib import Path
from typing import Annotated

import typer

from nextclick.options import AsJson, BrokerOrEmbedded, DataFolder, Limit

WORK_FOLDER = Path("build/demo")
TERMINAL_RATE, PAGE_RATE = 300.0, 50.0


def demo(
    *,
    rate: Annotated[
        float | None,
        typer.Option(
            "--rate",
            min=1,
            max=5000,
            metavar="N",
            help="Clicks a second, after a slow beginning on a terminal.",
            show_default="300; on the page 50",
        ),
    ] = None,
    limit: Limit = None,
    epochs: Annotated[
        int | None, typer.Option("--epochs", min=1, help="Train for so many epochs.", show_default="14")
    ] = None,
    open_page: Annotated[
        bool,
        typer.Option("--open", help="Serve it as a page to click on, until Ctrl-C, and open a browser."),
    ] = False,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65_535, help="Of the page, on loopback.", show_default="any free port")
    ] = 0,
    fresh: Annotated[bool, typer.Option("--fresh", help="Build everything anew, reuse nothing.")] = False,
    data_folder: DataFolder = None,
    bootstrap_servers: BrokerOrEmbedded = None,
    as_json: AsJson = False,
) -> None:
    """Train a small LSTM on real clicks, serve it with a real worker on Kafka, and watch it recommend.

    It fetches MovieLens 100K, trains for about a minute, exports the network, starts a broker and a worker, and replays
    the clicks that were held out from training: you see what users clicked and what is recommended to them next, how
    often their next click was in the list, how long a list takes, and how many there are a second. Then it ends all
    that it started.

    With `--open` it is a page instead: click films and watch your list reorder beside the replayed users, kill the
    worker and watch it come back. It listens on loopback alone.

    Everything goes to `build/demo`, and a second run reuses what is there. Where there is no embedded broker for your
    platform, name a Kafka with `--bootstrap-servers`: the topics are the demo's own, and are deleted at the end.

    Example: `nextclick demo`, `nextclick demo --open`, or `nextclick demo --limit 2000 --json`
    """
    from rich.console import Console  # noqa: PLC0415

    from nextclick.signals import StoppedBySignal, raised_at_signal  # noqa: PLC0415

    if as_json and open_page:
        raise typer.BadParameter("the page has no summary: leave out --json or --open")
    console = Console(stderr=as_json)
    usual_rate = PAGE_RATE if open_page else TERMINAL_RATE
    try:
        with raised_at_signal():
            import shutil  # noqa: PLC0415

            from nextclick.demo.run import DemoOptions, run_demo  # noqa: PLC0415
            from nextclick.demo.summary import print_summary  # noqa: PLC0415

            if fresh:
                shutil.rmtree(WORK_FOLDER, ignore_errors=True)
            options = DemoOptions(WORK_FOLDER, data_folder, bootstrap_servers, rate or usual_rate, limit, epochs)
            if open_page:
                from nextclick.demo.page_run import run_page  # noqa: PLC0415

                run_page(options, console, port=port, opens_browser=True)
            summary = run_demo(options, console)
    except StoppedBySignal as stopped:
        console.print("Stopped; everything that the demo started has ended.")
        # A page has no other end than this one.
        raise typer.Exit(0 if open_page else stopped.exit_code) from None
    if as_json:
        import msgspec  # noqa: PLC0415

        typer.echo(msgspec.json.encode(summary).decode())
        return
    print_summary(summary, console)
