"""`nextclick train`: prepared data becomes a checkpoint."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from nextclick.options import PREPARED_FOLDER, AsJson, OnDisk, PreparedFolder

if TYPE_CHECKING:
    from models.training.config import TrainingConfig


def train(
    dataset: Annotated[
        str,
        typer.Option(
            "--dataset",
            metavar="NAME|FOLDER",
            help="A data set that `nextclick data prepare` made ready, or the folder of one.",
        ),
    ],
    *,
    config: Annotated[
        str | None,
        typer.Option(
            "--config",
            metavar="NAME|FILE",
            help="A configuration that comes with nextclick, or a TOML file.",
            show_default="the data set's own, if one comes with nextclick",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FOLDER", help="Where to.", show_default="checkpoints/ and the data set's name"),
    ] = None,
    prepared_folder: PreparedFolder = PREPARED_FOLDER,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Instead of the configuration's.")] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="Instead of the configuration's.")] = None,
    validation_share: Annotated[
        float | None,
        typer.Option(
            "--validation-share",
            min=0,
            max=0.9,
            help="Instead of the configuration's: share of the training sessions, the last by time, to stop early by.",
        ),
    ] = None,
    evaluate: Annotated[
        bool,
        typer.Option("--evaluate/--no-evaluate", help="Look at the test clicks at the end; not while you are tuning."),
    ] = True,
    exclude_seen: Annotated[
        bool | None,
        typer.Option(
            "--exclude-seen/--include-seen",
            help="Whether the test's lists leave out what a user has clicked already.",
            show_default="as the data set has it",
        ),
    ] = None,
    hold_out_items: Annotated[
        float | None,
        typer.Option(
            "--hold-out-items",
            min=0,
            max=0.9,
            metavar="SHARE",
            help="Leave all training clicks on some of the items out, to measure on them with `nextclick cold-items`.",
        ),
    ] = None,
    on_disk: OnDisk = None,
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, help="Torch's threads.", show_default="torch's choice")
    ] = None,
    device: Annotated[
        Literal["auto", "cpu", "cuda"],
        typer.Option("--device", help="Where to learn: auto takes a GPU if there is one."),
    ] = "auto",
    checkpoint_every: Annotated[
        float,
        typer.Option(
            "--checkpoint-every", min=0, metavar="SECONDS", help="Keep the run's state so often within an epoch, too."
        ),
    ] = 300.0,
    restart: Annotated[
        bool, typer.Option("--restart", help="Begin anew where an interrupted run left its state.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Train a network to tell the next click, and write a checkpoint.

    Sessions are learned in order of time. Where the configuration sets a validation period aside, the end of the
    training period, training stops when that no longer improves, and the best epoch is kept. At the end the network is
    judged on the test clicks, with popularity beside it.

    The state of the run is kept beside the checkpoint's place, after every epoch, every so often within one, and at
    Ctrl-C: the same command goes on from there to the same result, bit for bit.

    Data that is large for the memory is read in parts from disk, with what is worked on beside the checkpoint's place.

    Several processes: `torchrun --nproc-per-node 2 -m nextclick train ...` deals the lanes of each batch to two.

    Example: `nextclick train --dataset eshop`, then `nextclick export checkpoints/eshop`

    While tuning: `nextclick train --dataset eshop --config mine.toml --validation-share 0.15 --no-evaluate`
    """
    import torch  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415

    from models.preparation.prepared_data import load_description  # noqa: PLC0415
    from models.training.config import config_for, load_training_config  # noqa: PLC0415
    from models.training.devices import choose_device  # noqa: PLC0415
    from nextclick.prepared_place import prepared_place  # noqa: PLC0415
    from nextclick.prepared_reading import read_for_training  # noqa: PLC0415
    from nextclick.training_execution import executed, working_folder  # noqa: PLC0415
    from nextclick.training_report import print_training, train_and_report  # noqa: PLC0415

    if threads is not None:
        torch.set_num_threads(threads)
    folder = prepared_place(dataset, prepared_folder)
    name = load_description(folder).name
    chosen = config_for(name) if config is None else load_training_config(config)
    place = Path("checkpoints") / name if out is None else out
    with executed(place, choose_device(device), every_s=checkpoint_every, restart=restart) as execution:
        is_first = execution.processes.is_first
        console = Console(stderr=True, quiet=not is_first)
        working = working_folder(place, execution.processes.rank)
        with read_for_training(folder, working, console, on_disk=on_disk, hold_out=hold_out_items) as data:
            report = train_and_report(
                data,
                _overridden(chosen, seed, epochs, validation_share),
                place,
                console,
                evaluate=evaluate,
                exclude_seen=data.description.exclude_seen if exclude_seen is None else exclude_seen,
                execution=execution,
            )
    if is_first:
        print_training(report, as_json=as_json)


def _overridden(
    config: "TrainingConfig", seed: int | None, epochs: int | None, validation_share: float | None
) -> "TrainingConfig":
    """Put what the command line says in the place of what the configuration says."""
    from msgspec.structs import replace  # noqa: PLC0415

    validation = config.validation
    return replace(
        config,
        seed=config.seed if seed is None else seed,
        epochs=config.epochs if epochs is None else epochs,
        validation=validation if validation_share is None else replace(validation, share=validation_share),
    )
