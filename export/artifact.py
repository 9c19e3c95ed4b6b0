"""The artifact: one folder that holds everything a worker needs to serve a model.

    manifest.json    what the model is, what it was trained on, and the hash of every other file
    step.onnx        (item, features, state) -> state'
    rank.onnx        state -> top items
    items.parquet    item_id, popularity, title, category, and whatever else the catalogue has, in row order
    reference.npz    states and their exact lists: a worker checks its own rank.onnx against them

It is written to a temporary folder beside its place and renamed: it is never half there. A reader refuses one whose
hashes, versions or shapes disagree, and says which.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Literal

import msgspec
import polars as pl

from models.counts.recipe import CountsRecipe
from models.errors import ArtifactError, VocabularyError
from models.folder_writing import replaced_folder
from models.sequences.features import Feature
from models.sequences.vocabulary import ItemVocabulary
from models.session_rule import SessionRule
from models.training.training_data import TrainingData

# 2 added `ranking` and reference.npz: a worker must know how to run rank.onnx and be able to check it.
FORMAT_VERSION = 2
MANIFEST_FILE = "manifest.json"
STEP_FILE = "step.onnx"
RANK_FILE = "rank.onnx"
ITEMS_FILE = "items.parquet"
REFERENCE_FILE = "reference.npz"
HASHED_FILES = (STEP_FILE, RANK_FILE, ITEMS_FILE, REFERENCE_FILE)

StateDtype = Literal["float16", "float32"]
RankingKind = Literal["exact", "int8"]


class StateTensor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One named tensor of a user's state.

    Attributes:
        name: The graphs' input; the step's output adds `_next`.
        shape: Per user, without the batch axis: an LSTM's `hidden` is (L, H).
        dtype: What is stored; the state is rounded to it after every step, everywhere.
    """

    name: str
    shape: tuple[int, ...]
    dtype: StateDtype


class Parity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the three gates measured when the artifact was made.

    Attributes:
        step_max_abs_difference: Gate 1, torch against onnxruntime over single steps and their scores.
        sequence_max_abs_difference: Gate 2, N chained steps against one forward pass over the whole sequence.
        sequence_length: The N of gate 2.
        batch_sizes: Gate 3, the batch sizes at which every user's result equalled that user alone, bit for bit.
    """

    step_max_abs_difference: float
    sequence_max_abs_difference: float
    sequence_length: int
    batch_sizes: tuple[int, ...]


class CoarseRanking(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How an int8 rank.onnx narrows the catalogue down before it scores exactly.

    Attributes:
        tiles: How many parts the catalogue is scored in.
        items_per_block: Items that are represented by the best coarse score among them.
        blocks: How many of the best blocks are looked into.
    """

    tiles: int
    items_per_block: int
    blocks: int


class Ranking(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How rank.onnx ranks, and how well.

    Attributes:
        kind: `exact` scores every item in float32, `int8` scores every item coarsely and the best of them in float32.
        rows_per_run: How many lists a run should have where there are enough; any number is allowed.
        recall: Share of the exact top K that the graph listed for the states of reference.npz, at export.
        reference_lists: How many lists that was measured on.
        coarse: None where the ranking is exact.
    """

    kind: RankingKind
    rows_per_run: int
    recall: float
    reference_lists: int
    coarse: CoarseRanking | None


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Everything that a reader must know before it opens a graph.

    Attributes:
        format_version: Version of this layout; a reader refuses any other.
        model_kind: `lstm`, `gru`, ...
        model_id: First 16 hexadecimal digits of the SHA-256 over the rest of this manifest, file hashes included.
        state: The tensors of a user's state, in the order in which they are stored.
        features: The features beside the item, in the order of their columns.
        list_length: K, the length of a list.
        ring_length: R, how many of a user's last items the ring remembers and `exclude_index` takes.
        item_count: V, the size of the vocabulary.
        session_rule: When the state's tensors start over.
        exclude_seen: Whether items in the user's ring are left out of the list unless a setting says otherwise.
        vocabulary_digest: `ItemVocabulary.digest` of items.parquet.
        training_data: What the model was trained on.
        metrics: Figures of the evaluation that the exporter was given, `Recall@20` and the like.
        parity: What the gates measured.
        ranking: How rank.onnx ranks.
        libraries: Version of each library that made the artifact.
        files: SHA-256 of every other file, by name.
        counts: How live counts enter the lists; None: none were fitted. Left out of the file where it is None, so that
            artifacts of before there were counts keep their ids.
    """

    format_version: int
    model_kind: str
    model_id: str
    state: tuple[StateTensor, ...]
    features: tuple[Feature, ...]
    list_length: int
    ring_length: int
    item_count: int
    session_rule: SessionRule
    exclude_seen: bool
    vocabulary_digest: str
    training_data: TrainingData
    metrics: dict[str, float]
    parity: Parity
    ranking: Ranking
    libraries: dict[str, str]
    files: dict[str, str]
    counts: CountsRecipe | None = None

    @property
    def boost_length(self) -> int:
        """A, the columns of `boost_index` and `boost_value`; 0: rank.onnx takes none."""
        return 0 if self.counts is None or self.counts.useless else self.counts.boost_length

    def computed_model_id(self) -> str:
        """Return the model id that the rest of this manifest asks for."""
        unnamed = msgspec.structs.replace(self, model_id="")
        return sha256(msgspec.json.encode(unnamed, order="sorted")).hexdigest()[:16]


@dataclass(frozen=True)
class Artifact:
    """A checked artifact on disk.

    Attributes:
        folder: Where it lies.
        manifest: What it says of itself; its hashes held when it was loaded.
    """

    folder: Path
    manifest: Manifest

    @property
    def step_path(self) -> Path:
        """The graph that advances a user's state."""
        return self.folder / STEP_FILE

    @property
    def rank_path(self) -> Path:
        """The graph that ranks the catalogue for a user's state."""
        return self.folder / RANK_FILE

    @property
    def reference_path(self) -> Path:
        """States and their exact lists."""
        return self.folder / REFERENCE_FILE

    @cached_property
    def items(self) -> pl.DataFrame:
        """The catalogue in row order: item_id, popularity (training clicks), title, category, ...

        Raises:
            ArtifactError: If the table cannot be read.
        """
        path = self.folder / ITEMS_FILE
        try:
            return pl.read_parquet(path)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise ArtifactError(f"{path} cannot be read ({error}): export the model again.") from error

    @cached_property
    def vocabulary(self) -> ItemVocabulary:
        """The items in row order.

        Raises:
            VocabularyError: If the items are not the ones that the manifest names.
        """
        vocabulary = ItemVocabulary(self.items["item_id"].to_list())
        if len(vocabulary) != self.manifest.item_count or vocabulary.digest != self.manifest.vocabulary_digest:
            raise VocabularyError(
                f"{self.folder / ITEMS_FILE} does not hold the items that {MANIFEST_FILE} names: export it again."
            )
        return vocabulary


def load_artifact(folder: Path) -> Artifact:
    """Read an artifact and check that it is whole.

    Raises:
        ArtifactError: If it is missing, half-written, of another format, or any file is not the one it was made with.
    """
    manifest = _read_manifest(folder)
    for name in HASHED_FILES:
        path = folder / name
        if not path.is_file():
            raise ArtifactError(f"{folder} is incomplete, {name} is missing: export the model again.")
        if manifest.files.get(name) != _file_digest(path):
            raise ArtifactError(f"{path} is not the file that {MANIFEST_FILE} was written for: export the model again.")
    if manifest.model_id != manifest.computed_model_id():
        raise ArtifactError(f"{folder / MANIFEST_FILE} was changed after it was written: export the model again.")
    artifact = Artifact(folder, manifest)
    _ = artifact.vocabulary
    return artifact


def write_artifact(folder: Path, manifest: Manifest, contents: Mapping[str, Path]) -> Artifact:
    """Write an artifact as a whole, replacing the one that was there.

    Args:
        folder: Its place; the parent is made where it is missing.
        manifest: With `files` and `model_id` still empty: they are filled in here.
        contents: The files of `HASHED_FILES`, by name; they are moved.

    Returns:
        The artifact, loaded again from its place.

    Raises:
        ArtifactError: If something that is no artifact is in its place, or the disk does not take it.
    """
    try:
        with replaced_folder(folder, MANIFEST_FILE) as staging:
            for name in HASHED_FILES:
                shutil.move(contents[name], staging / name)
            files = {name: _file_digest(staging / name) for name in HASHED_FILES}
            named = msgspec.structs.replace(manifest, files=files)
            complete = msgspec.structs.replace(named, model_id=named.computed_model_id())
            (staging / MANIFEST_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(complete), indent=2) + b"\n")
    except OSError as error:
        raise ArtifactError(f"The artifact cannot be written: {error}") from error
    return load_artifact(folder)


class _Version(msgspec.Struct):
    format_version: int


def _read_manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST_FILE
    if not folder.is_dir():
        raise ArtifactError(f"There is no artifact at {folder}: make one with `nextclick export`.")
    if not path.is_file():
        raise ArtifactError(f"{folder} is no artifact, {MANIFEST_FILE} is missing: make one with `nextclick export`.")
    encoded = path.read_bytes()
    try:
        # The version goes first: another format's manifest may have any other shape.
        version = msgspec.json.decode(encoded, type=_Version).format_version
        if version != FORMAT_VERSION:
            remedy = "upgrade nextclick" if version > FORMAT_VERSION else "export the model again"
            raise ArtifactError(f"{path} has format {version}, this nextclick reads format {FORMAT_VERSION}: {remedy}.")
        return msgspec.json.decode(encoded, type=Manifest)
    except msgspec.DecodeError as error:
        raise ArtifactError(f"{path} is not a manifest ({error}): export the model again.") from error


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
