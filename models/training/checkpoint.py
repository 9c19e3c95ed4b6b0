"""A checkpoint: one folder with everything that training leaves behind, and no pickled object in it.

checkpoint.json        the network's shape, the features, the session rule, the training run and its figures
weights.safetensors    the network's weights
items.parquet          item_id and popularity (training clicks), in the order of the network's rows
catalogue.parquet      item_id, title, category, ...; only where the data has a catalogue
"""

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from models.counts.fitting import CountsFit
from models.errors import CheckpointError, DataError, VocabularyError
from models.folder_writing import replaced_folder, require_free_folder
from models.items.item_contents import ContentReader, read_contents
from models.networks.kinds import NetworkConfig
from models.networks.sequence_network import NetworkInputs, SequenceNetwork
from models.sequences.features import Feature, feature_width
from models.sequences.vocabulary import ItemVocabulary
from models.session_rule import SessionRule
from models.training.config import TrainingConfig
from models.training.epoch_report import EpochReport
from models.training.training_data import TrainingData

# 2: the network by its kind, its size by the items and the features.
FORMAT_VERSION = 2
DESCRIPTION_FILE = "checkpoint.json"
WEIGHTS_FILE = "weights.safetensors"
ITEMS_FILE = "items.parquet"
CATALOGUE_FILE = "catalogue.parquet"


class CheckpointDescription(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `checkpoint.json` holds.

    Attributes:
        network: The network's kind and shape.
        features: The features beside the item, with their statistics, in the order of their columns.
        session_rule: When a user's state starts over.
        exclude_seen: Whether lists leave out what the user has clicked already, unless a setting says otherwise.
        training_data: What the network was trained on; the validation period is not part of it.
        config: How it was trained, the seed included.
        history: What each epoch did.
        metrics: The figures on the test clicks, `Recall@20` and so on; empty until the network was evaluated.
        vocabulary_digest: `ItemVocabulary.digest` of items.parquet.
        libraries: Version of each library that trained it.
        contents: How the network reads a catalogue; None: it does not.
        live_counts: How everyone's latest clicks enter the lists, and what that was chosen by; None: it was not fitted.
        format_version: Version of this layout; a reader refuses any other.
    """

    network: NetworkConfig
    features: tuple[Feature, ...]
    session_rule: SessionRule
    exclude_seen: bool
    training_data: TrainingData
    config: TrainingConfig
    history: tuple[EpochReport, ...]
    metrics: dict[str, float]
    vocabulary_digest: str
    libraries: dict[str, str]
    contents: ContentReader | None = None
    live_counts: CountsFit | None = None
    format_version: int = FORMAT_VERSION


@dataclass(frozen=True)
class Checkpoint:
    """A trained network and what must be known to evaluate, export and serve it.

    Attributes:
        network: In evaluation mode.
        vocabulary: The items in row order.
        popularity: Training clicks of every item in row order, (V,).
        catalogue: item_id, title, category and whatever else the source has; None where it has none.
        description: Everything else.
    """

    network: SequenceNetwork
    vocabulary: ItemVocabulary
    popularity: NDArray[np.int64]
    catalogue: pl.DataFrame | None
    description: CheckpointDescription


def library_versions() -> dict[str, str]:
    """Return the versions of what trains a network."""
    return {name: version(name) for name in ("nextclick", "numpy", "polars", "torch")}


def require_checkpoint_place(folder: Path) -> None:
    """Return if a checkpoint can be written there, as far as that can be told before it is trained.

    Raises:
        CheckpointError: If something else is in its place.
    """
    try:
        require_free_folder(folder, DESCRIPTION_FILE)
    except OSError as error:
        raise CheckpointError(f"The checkpoint could not be written: {error}") from error


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint as a whole, replacing the one that was there.

    Raises:
        CheckpointError: If something else is in its place.
    """
    items = pl.DataFrame(
        {"item_id": checkpoint.vocabulary.item_ids, "popularity": checkpoint.popularity},
        schema={"item_id": pl.String(), "popularity": pl.Int64()},
    )
    encoded = msgspec.json.format(msgspec.json.encode(checkpoint.description), indent=2)
    try:
        with replaced_folder(folder, DESCRIPTION_FILE) as staging:
            save_file(checkpoint.network.state_dict(), staging / WEIGHTS_FILE)
            items.write_parquet(staging / ITEMS_FILE)
            if checkpoint.catalogue is not None:
                checkpoint.catalogue.write_parquet(staging / CATALOGUE_FILE)
            (staging / DESCRIPTION_FILE).write_bytes(encoded + b"\n")
    except OSError as error:
        raise CheckpointError(f"The checkpoint cannot be written: {error}") from error


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        CheckpointError: If it is missing, incomplete, of a newer format, or its files do not belong together.
    """
    description = _read_description(folder)
    for name in (WEIGHTS_FILE, ITEMS_FILE):
        if not (folder / name).is_file():
            raise CheckpointError(f"{folder} is incomplete, {name} is missing: train again.")
    try:
        items = pl.read_parquet(folder / ITEMS_FILE)
        vocabulary = ItemVocabulary(items["item_id"].to_list())
        catalogue_path = folder / CATALOGUE_FILE
        catalogue = pl.read_parquet(catalogue_path) if catalogue_path.is_file() else None
        contents = read_contents(description.contents, catalogue, vocabulary)
        inputs = NetworkInputs(len(vocabulary), feature_width(description.features), contents)
        network = _load_network(folder / WEIGHTS_FILE, description, inputs)
    except (OSError, RuntimeError, SafetensorError, DataError, VocabularyError, pl.exceptions.PolarsError) as error:
        raise CheckpointError(f"{folder} does not hold what {DESCRIPTION_FILE} says ({error}): train again.") from error
    if vocabulary.digest != description.vocabulary_digest:
        raise CheckpointError(
            f"{folder / ITEMS_FILE} does not hold the items that the network was trained on: train again."
        )
    return Checkpoint(network, vocabulary, items["popularity"].to_numpy(), catalogue, description)


class _Version(msgspec.Struct):
    format_version: int


def _read_description(folder: Path) -> CheckpointDescription:
    path = folder / DESCRIPTION_FILE
    if not path.is_file():
        raise CheckpointError(f"There is no checkpoint at {folder}: make one with `nextclick train`.")
    encoded = path.read_bytes()
    try:
        # The version goes first: a newer description may have any other shape.
        found = msgspec.json.decode(encoded, type=_Version).format_version
        if found != FORMAT_VERSION:
            remedy = "upgrade nextclick" if found > FORMAT_VERSION else "train again"
            raise CheckpointError(f"{path} has format {found}, this nextclick reads format {FORMAT_VERSION}: {remedy}.")
        return msgspec.json.decode(encoded, type=CheckpointDescription)
    except msgspec.DecodeError as error:
        raise CheckpointError(f"{path} does not describe a checkpoint ({error}): train again.") from error


def _load_network(path: Path, description: CheckpointDescription, inputs: NetworkInputs) -> SequenceNetwork:
    network = description.network.build(inputs)
    network.load_state_dict(load_file(path))
    return network.eval()
