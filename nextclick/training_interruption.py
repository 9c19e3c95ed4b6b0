"""What `nextclick train` does when it is stopped: the run's state is kept, and the same command goes on."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape

from models.errors import TrainingInterrupted
from models.run_keeping import RunKeeping
from nextclick.signals import stop_at_signal

# What a shell expects of a program that Ctrl-C ended.
STOPPED = 130


def state_file(checkpoint: Path) -> Path:
    """Return the place of a run's state, beside that of its checkpoint."""
    return checkpoint.with_name(f"{checkpoint.name}.training.safetensors")


@contextmanager
def kept_until_stopped(checkpoint: Path, *, every_s: float, restart: bool) -> Iterator[RunKeeping]:
    """Yield where and when a run's state is kept; Ctrl-C and SIGTERM end it after the batch that it is at.

    A second signal of the same kind ends it at once, and what it has learned since the last state is lost.

    Args:
        checkpoint: Where the checkpoint is going to be.
        every_s: Seconds between two states of one epoch.
        restart: Discard the state that is there.

    Raises:
        typer.Exit: With code 130, after one line, where the run was stopped.
    """
    with stop_at_signal() as stop:
        keeping = RunKeeping(state_file(checkpoint), every_s, stop.is_set)
        if restart:
            keeping.discard()
        try:
            yield keeping
        except TrainingInterrupted as interruption:
            Console(stderr=True).print(escape(str(interruption)), highlight=False, soft_wrap=True)
            raise typer.Exit(STOPPED) from interruption
