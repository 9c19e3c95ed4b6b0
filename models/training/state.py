"""The state of a training run that is under way, kept so that an interrupted one goes on to the same result.

One safetensors file, which takes its place in one rename: the tensors by name, and in its header everything else as
JSON. No pickled object is in it.

    network/...            weights
    optimiser/0/...        what the optimiser knows of the first parameter, and so on
    carried/0              the lanes' states, a tensor of the network's state each
    best/...               weights of the best epoch, where there was a validation period
    random/...             the generators of torch

numpy's generator needs no keeping: each epoch has its own, made of the seed and the epoch's number.
"""

import glob
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from models.errors import CheckpointError, SettingsError
from models.items.item_contents import ItemContents
from models.sequences.encoded_sessions import EncodedSessions
from models.training.config import TrainingConfig
from models.training.early_stopping import StoppingState
from models.training.epoch_report import EpochReport

FORMAT_VERSION = 1
_HEADER = "nextclick_training"
# Bound of memory.
_ROWS_HASHED_AT_ONCE = 1_000_000


class RunIdentity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What must be the same for a run to go on where another was interrupted.

    Attributes:
        config: The effective configuration.
        data: SHA-256 of what is learned, read of the items and validated on, as numbers.
        exclude_last: The seen filter of the validation.
        processes: How many learn together: each has random numbers of its own.
        device: `cpu` or `cuda`: their random numbers differ.
    """

    config: TrainingConfig
    data: str
    exclude_last: int
    processes: int = 1
    device: str = "cpu"


class Position(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far training has come.

    Attributes:
        epoch: The one that is under way, from 1.
        batches: So many of it are learned.
        clicks: And so many clicks.
        loss_sum: Over these clicks.
        learning_rate: Of the last batch; None before the first.
        seconds: Wall clock of the epoch so far.
    """

    epoch: int = 1
    batches: int = 0
    clicks: int = 0
    loss_sum: float = 0.0
    learning_rate: float | None = None
    seconds: float = 0.0


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    identity: RunIdentity
    position: Position
    history: tuple[EpochReport, ...]
    stopping: StoppingState
    format_version: int = FORMAT_VERSION


@dataclass(frozen=True)
class TrainingState:
    """What an interrupted run is taken up with.

    Attributes:
        identity: Which run it is.
        position: How far it has come.
        history: The epochs that are over.
        stopping: What early stopping knows beside the best weights.
        tensors: As above.
    """

    identity: RunIdentity
    position: Position
    history: tuple[EpochReport, ...]
    stopping: StoppingState
    tensors: dict[str, Tensor]


def save_training_state(path: Path, state: TrainingState) -> None:
    """Write a state in the place of the one that was there: a reader finds one of the two, whole.

    Raises:
        CheckpointError: If it cannot be written.
    """
    header = msgspec.json.encode(_Header(state.identity, state.position, state.history, state.stopping)).decode()
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(
            {name: tensor.detach().contiguous() for name, tensor in state.tensors.items()},
            unfinished,
            {_HEADER: header},
        )
        with unfinished.open("rb") as written:
            os.fsync(written.fileno())
        unfinished.replace(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"The training state {path} cannot be written: {error}") from error


def load_training_state(path: Path, identity: RunIdentity) -> TrainingState | None:
    """Read the state of this run; None where there is none.

    Raises:
        SettingsError: If another run left it.
        CheckpointError: If it is damaged or of another version.
    """
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as opened:
            header = (opened.metadata() or {}).get(_HEADER, "")
            state = _decode_header(path, header, identity)
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - no mapping
    except (OSError, RuntimeError, SafetensorError) as error:
        raise CheckpointError(_damaged(path, error)) from error
    return TrainingState(state.identity, state.position, state.history, state.stopping, tensors)


def discard_training_state(path: Path) -> None:
    """Remove a state, those of the run's parts, and what a run that was killed while it wrote one left beside it."""
    for left in (path, *path.parent.glob(f"{glob.escape(path.name)}.*")):
        left.unlink(missing_ok=True)


def digest_of(*parts: EncodedSessions | None, contents: ItemContents | None = None) -> str:
    """Return the SHA-256 of all that learning and validation see of the data, as numbers.

    Args:
        parts: What is learned, and what is validated on.
        contents: What the network reads of the items; a token's meaning is part of it. None: it reads nothing.
    """
    digest = hashlib.sha256()
    for part in parts:
        if part is not None:
            _add(digest, part.first_click)
            _add(digest, part.item_index, np.dtype(np.int64))  # on disk it is narrower
            _add(digest, part.features)
            _add(digest, part.value)
        digest.update(b"|")
    if contents is not None:
        _add(digest, contents.tokens)
        _add(digest, contents.vectors)
        digest.update(msgspec.json.encode(contents.vocabulary))
    return digest.hexdigest()


def _add(
    digest: "hashlib._Hash", array: NDArray[np.generic] | None, kind: "np.dtype[np.generic] | None" = None
) -> None:
    """Add an array, of that type if one is named, in blocks: what is on disk need not fit into memory."""
    numbers = np.zeros(0) if array is None else array
    kind = numbers.dtype if kind is None else kind
    digest.update(f"{kind} {numbers.shape};".encode())
    for begin in range(0, len(numbers), _ROWS_HASHED_AT_ONCE):
        digest.update(np.ascontiguousarray(numbers[begin : begin + _ROWS_HASHED_AT_ONCE], dtype=kind).data)


class _Version(msgspec.Struct):
    format_version: int


def _decode_header(path: Path, encoded: str, identity: RunIdentity) -> _Header:
    try:
        # The version goes first: a newer header may have any other shape.
        found = msgspec.json.decode(encoded, type=_Version).format_version
        if found != FORMAT_VERSION:
            raise CheckpointError(f"{path} has format {found}, this nextclick reads {FORMAT_VERSION}: use --restart.")
        header = msgspec.json.decode(encoded, type=_Header)
    except msgspec.DecodeError as error:
        raise CheckpointError(_damaged(path, error)) from error
    different = _differences(header.identity, identity)
    if different:
        raise SettingsError(
            f"{path} is the state of another run, which was interrupted in epoch {header.position.epoch}: "
            f"{'; '.join(different)}. Start with what that run had and it goes on, or give --restart to begin anew."
        )
    return header


def _differences(there: RunIdentity, here: RunIdentity) -> list[str]:
    """Say what two runs do not have in common, a phrase each."""
    found = [
        f"{name} was {_shown(getattr(there.config, name))} there and is {_shown(getattr(here.config, name))} here"
        for name in TrainingConfig.__struct_fields__
        if getattr(there.config, name) != getattr(here.config, name)
    ]
    if there.data != here.data:
        found.append("its training or validation clicks were others")
    found += [
        f"{name} was {getattr(there, name)} there and is {getattr(here, name)} here"
        for name in ("exclude_last", "processes", "device")
        if getattr(there, name) != getattr(here, name)
    ]
    return found


def _shown(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _damaged(path: Path, error: Exception) -> str:
    return f"{path} is not the state of a training run ({error}): give --restart to begin anew."
