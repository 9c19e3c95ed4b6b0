"""`nextclick ensemble`: several checkpoints become one."""

import math
from pathlib import Path
from typing import Annotated

import typer

from nextclick.options import PREPARED_FOLDER, AsJson, OnDisk, PreparedFolder


def ensemble(
    checkpoints: Annotated[list[Path], typer.Argument(metavar="CHECKPOINT...", help="What `nextclick train` wrote.")],
    *,
    dataset: Annotated[
        str,
        typer.Option(
            "--dataset", metavar="NAME|FOLDER", help="The data set that they were trained on, or the folder of it."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where to.")],
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights",
            metavar="W,W,...",
            help="What the members weigh, in their order.",
            show_default="fitted on the validation period",
        ),
    ] = None,
    evaluate: Annotated[
        bool, typer.Option("--evaluate/--no-evaluate", help="Look at the test clicks at the end.")
    ] = True,
    on_disk: OnDisk = None,
    prepared_folder: PreparedFolder = PREPARED_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Put networks and counts that were trained apart into one checkpoint: its scores are the weighted sum of theirs.

    They must have been trained on the same clicks. Where these leave out a validation period the weights are fitted on
    it; members that were trained on all clicks are given weights that were fitted so before.

    Example: `nextclick ensemble checkpoints/lstm checkpoints/gru --dataset eshop --out checkpoints/both`

    Then, with members trained on all: the same with `--weights 0.62,0.41`
    """
    from rich.console import Console  # noqa: PLC0415

    from models.training.checkpoint import load_checkpoint  # noqa: PLC0415
    from nextclick.prepared_place import prepared_place  # noqa: PLC0415
    from nextclick.prepared_reading import read_for_training  # noqa: PLC0415
    from nextclick.training_execution import working_folder  # noqa: PLC0415
    from nextclick.training_report import assemble_and_report, print_training  # noqa: PLC0415

    folder = prepared_place(dataset, prepared_folder)
    console = Console(stderr=True)
    parsed = None if weights is None else _parsed(weights)
    members = [load_checkpoint(checkpoint) for checkpoint in checkpoints]
    with read_for_training(folder, working_folder(out, 0), console, on_disk=on_disk, hold_out=None) as data:
        report = assemble_and_report(members, data, out, console, weights=parsed, evaluate=evaluate)
    print_training(report, as_json=as_json)


def _parsed(weights: str) -> list[float]:
    try:
        parsed = [float(weight) for weight in weights.split(",")]
    except ValueError:
        parsed = [math.nan]
    if not all(map(math.isfinite, parsed)):
        raise typer.BadParameter(f"{weights} is no list of numbers such as 0.62,0.41")
    return parsed
