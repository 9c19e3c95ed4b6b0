"""`nextclick demo`: all of it at once, on real clicks."""

from pathlib import Path
from typing import Annotated

import typer

from nextclick.options import AsJson, BrokerOrEmbedded, DataFolder, Limit

WORK_FOLDER = Path("build/demo")


def demo(
    *,
    rate: Annotated[
        float,
        typer.Option(
            "--rate", min=1, max=5000, metavar="N", help="Clicks a second, after a slow beginning on a terminal."
        ),
    ] = 300.0,
    limit: Limit = None,
    epochs: Annotated[
        int | None, typer.Option("--epochs", min=1, help="Train for so many epochs.", show_default="14")
    ] = None,
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

    Everything goes to `build/demo`, and a second run reuses what is there. Where there is no embedded broker for your
    platform, name a Kafka with `--bootstrap-servers`: the topics are the demo's own, and are deleted at the end.

    Example: `nextclick demo`, or `nextclick demo --limit 2000 --json`
    """
    from rich.console import Console  # noqa: PLC0415

    from nextclick.signals import StoppedBySignal, raised_at_signal  # noqa: PLC0415

    console = Console(stderr=as_json)
    try:
        with raised_at_signal():
            import shutil  # noqa: PLC0415

            from nextclick.demo.run import DemoOptions, run_demo  # noqa: PLC0415
            from nextclick.demo.summary import print_summary  # noqa: PLC0415

            if fresh:
                shutil.rmtree(WORK_FOLDER, ignore_errors=True)
            options = DemoOptions(WORK_FOLDER, data_folder, bootstrap_servers, rate, limit, epochs)
            summary = run_demo(options, console)
    except StoppedBySignal as stopped:
        console.print("Stopped; everything that the demo started has ended.")
        raise typer.Exit(stopped.exit_code) from None
    if as_json:
        import msgspec  # noqa: PLC0415

        typer.echo(msgspec.json.encode(summary).decode())
        return
    print_summary(summary, console)
