"""From nothing to an artifact: fetch, prepare, train, export; what a run before left and still fits is reused."""

from dataclasses import dataclass
from pathlib import Path

import torch
from msgspec.structs import replace

from export.artifact import Artifact, load_artifact
from export.exporter import export_checkpoint
from models.datasets.dataset import Dataset
from models.datasets.folders import fetch_dataset, find_dataset
from models.datasets.movielens_100k import MOVIELENS_100K
from models.errors import DataError
from models.preparation.prepared_data import PreparedData, load_prepared_data
from models.preparation.preparing import prepare_dataset
from models.training.checkpoint import Checkpoint, load_checkpoint
from models.training.config import TrainingConfig, config_for
from nextclick.demo.reuse import fingerprint, folder_checksum, reuse_or_make
from nextclick.demo.steps import Steps
from nextclick.training_report import train_and_report

DATASET = MOVIELENS_100K
# The network is so small that two threads mostly wait for each other: where other programs wanted the same two cores,
# an epoch took 4 s with one thread and 40 s with two.
TORCH_THREADS = 1


@dataclass(frozen=True)
class BuiltModel:
    """What the demo serves and what it replays."""

    artifact: Artifact
    data: PreparedData


def build_model(work: Path, data_folder: Path | None, *, epochs: int | None, steps: Steps) -> BuiltModel:
    """Make, or reuse, the demo's model.

    1. Fetch the data set, unless it is somewhere already.
    2. Prepare it: clean it, split it by time.
    3. Train the configuration that comes with it.
    4. Export the checkpoint; the parity gates are passed on the way.

    Args:
        work: Where everything goes.
        data_folder: A folder that may have the data set already.
        epochs: Instead of the configuration's.
        steps: Told of each of the four.

    Raises:
        DataError: If the data set can be had nowhere; the message says what to do.
        NextclickError: If a step fails.
    """
    torch.set_num_threads(TORCH_THREADS)
    config = config_for(DATASET.name)
    config = config if epochs is None else replace(config, epochs=epochs)
    source = _fetch(DATASET, work / "data", data_folder, steps)
    prepared_from = fingerprint("prepared", DATASET.name, folder_checksum(source))
    data = _prepare(DATASET, source, work / "prepared", prepared_from, steps)
    trained_from = fingerprint("trained", prepared_from, config, str(torch.__version__))
    checkpoint = _train(data, config, work / "checkpoint", trained_from, steps)
    artifact = _export(work / "checkpoint", work / "artifact", fingerprint("exported", trained_from), checkpoint, steps)
    return BuiltModel(artifact, data)


def _fetch(dataset: Dataset, fetched: Path, data_folder: Path | None, steps: Steps) -> Path:
    """Return the folder that has the data set; the sources are tried one after the other."""
    with steps.step("data", "Fetching MovieLens 100K") as step:
        found = find_dataset(dataset, data_folder) or find_dataset(dataset, None, fetched)
        if found is not None:
            step.done("100,000 ratings of MovieLens 100K", reused=True)
            return found
        failures = []
        for name in dataset.sources:
            try:
                folder = fetch_dataset(dataset, name, fetched)
            except DataError as error:
                failures.append(f"{name}: {error}")
                continue
            step.done(f"100,000 ratings of MovieLens 100K ({dataset.licence})")
            return folder
        raise DataError(
            f"{dataset.name} cannot be fetched. {' '.join(failures)} Or put {' and '.join(dataset.files)} into "
            f"FOLDER/{dataset.folder} and run the demo with --data-folder FOLDER (or NEXTCLICK_DATA=FOLDER)."
        )


def _prepare(dataset: Dataset, source: Path, folder: Path, inputs: str, steps: Steps) -> PreparedData:
    def make() -> PreparedData:
        prepared = prepare_dataset(dataset, source.parent)
        prepared.save(folder)
        return prepared

    with steps.step("split", "Cleaning it and splitting it by time") as step:
        data, reused = reuse_or_make(folder, inputs, load=load_prepared_data, make=make)
        step.done(f"{len(data.train):,} clicks to learn from, the last {len(data.test):,} held out", reused=reused)
    return data


def _train(data: PreparedData, config: TrainingConfig, folder: Path, inputs: str, steps: Steps) -> Checkpoint:
    def make() -> Checkpoint:
        train_and_report(data, config, folder, steps.console, evaluate=True, exclude_seen=data.description.exclude_seen)
        return load_checkpoint(folder)

    # Without a spinner: training draws a bar of its own.
    with steps.step("training") as step:
        checkpoint, reused = reuse_or_make(folder, inputs, load=load_checkpoint, make=make)
        size = sum(parameter.numel() for parameter in checkpoint.network.parameters())
        step.done(f"an LSTM of {size:,} parameters, {len(checkpoint.description.history)} epochs", reused=reused)
    return checkpoint


def _export(checkpoint: Path, folder: Path, inputs: str, trained: Checkpoint, steps: Steps) -> Artifact:
    with steps.step("export", "Exporting it as ONNX graphs and checking that they compute the same") as step:
        artifact, reused = reuse_or_make(
            folder, inputs, load=load_artifact, make=lambda: export_checkpoint(checkpoint, folder)
        )
        step.done(f"ONNX graphs of {len(trained.vocabulary):,} films, as exact as the network", reused=reused)
    return artifact
