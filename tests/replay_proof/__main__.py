"""`python -m tests.replay_proof`: every promise of docs/replay.md on real clicks; exit code 1 where one is broken.

NEXTCLICK_DATA names the folder that has Globo's clicks. A slice by default; `--full` replays all 901,032 of them, and
needs an Apache Kafka (`--bootstrap-servers`, an empty one) or much memory.
"""

import argparse
import os
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from nextclick.embedded_broker import EmbeddedBroker
from tests.replay_proof.clicks import globo_clicks, write_replayed, write_training
from tests.replay_proof.commands import CommandError, Commands
from tests.replay_proof.proof import Bench, prove


def main(arguments: Sequence[str] | None = None) -> int:
    """Prove, print what was shown, return the exit code."""
    given = _parser().parse_args(arguments)
    console = Console(highlight=False, soft_wrap=True)
    data_folder = os.environ.get("NEXTCLICK_DATA")
    clicks = None if not data_folder else globo_clicks(Path(data_folder))
    if clicks is None:
        console.print("replay-proof: skipped, NEXTCLICK_DATA names no folder that has Globo's clicks")
        return 0
    folder: Path = given.out.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_training(clicks, folder / "training.parquet")
    count = write_replayed(clicks, folder / "clicks.parquet", whole=given.full)
    started = time.monotonic()
    with ExitStack() as stack:
        broker = given.bootstrap_servers or stack.enter_context(EmbeddedBroker()).bootstrap_servers
        commands = Commands(folder, console, NEXTCLICK_BOOTSTRAP_SERVERS=broker)
        bench = Bench(commands, folder, broker, count, lambda title: console.print(f"\n[bold]{title}[/]"))
        try:
            shown = prove(bench)
        except CommandError as failure:
            console.print(str(failure), markup=False)
            return 1
    console.print(f"\n[bold]Shown on {count:,} clicks in {time.monotonic() - started:.0f} s[/], files in {given.out}")
    for one in shown:
        console.print(f"  {'[green]yes[/]' if one.holds else '[bold red]NO[/]'}  {one.what}")
    return 0 if all(one.holds for one in shown) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.replay_proof", description=__doc__)
    parser.add_argument("--full", action="store_true", help="replay every click instead of a slice")
    parser.add_argument(
        "--bootstrap-servers", metavar="HOST:PORT", help="an empty Kafka instead of the embedded broker"
    )
    parser.add_argument("--out", type=Path, default=Path("build/replay-proof"), metavar="FOLDER", help="made anew")
    return parser


if __name__ == "__main__":
    sys.exit(main())
