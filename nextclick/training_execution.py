"""Around a training run: its processes, the place of its state, and what happens when it is stopped."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
import typer
from rich.console import Console
from rich.markup import escape

from models.errors import TrainingInterrupted
from models.training.checkpoint import require_checkpoint_place
from models.training.execution import Execution
from models.training.processes import processes_of_torchrun
from models.training.run_keeping import RunKeeping
from nextclick.signals import stop_at_signal

# What a shell expects of a program that Ctrl-C ended.
STOPPED = 130


def state_file(checkpoint: Path) -> Path:
    """Return the place of a run's state, beside that of its checkpoint."""
    return checkpoint.with_name(f"{checkpoint.name}.training.safetensors")


def working_folder(checkpoint: Path, rank: int) -> Path:
    """Return where a process of a run works on disk, beside the checkpoint's place too."""
    return checkpoint.with_name(f"{checkpoint.name}.training.on-disk-{rank}")


@contextmanager
def executed(checkpoint: Path, device: torch.device, *, every_s: float, restart: bool) -> Iterator[Execution]:
    """Yield how to carry out a run: in the processes of `torchrun`, its state kept beside the checkpoint's place.

    Ctrl-C and SIGTERM end it after the batch that it is at. A second signal of the same kind ends it at once, and what
    it has learned since the last state is lost.

    Args:
        checkpoint: Where the checkpoint is going to be.
        device: Where the network learns.
        every_s: Seconds between two states of one epoch.
        restart: Discard the state that is there.

    Raises:
        CheckpointError: If something else is in the checkpoint's place.
        typer.Exit: With code 130, after one line, where the run was stopped.
    """
    require_checkpoint_place(checkpoint)
    with stop_at_signal() as stop, processes_of_torchrun(device) as processes:
        keeping = RunKeeping(state_file(checkpoint), every_s, stop.is_set)
        if restart and processes.is_first:
            keeping.discard()
        processes.wait_for_all()
        try:
            yield Execution(device, processes, keeping)
        except TrainingInterrupted as interruption:
            console = Console(stderr=True, quiet=not processes.is_first)
            console.print(escape(str(interruption)), highlight=False, soft_wrap=True)
            raise typer.Exit(STOPPED) from interruption
