"""Checkpoints and artifacts of a leaderboard's networks: trained, or made of trained ones; kept by their keys."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console

from export.artifact import Artifact, load_artifact
from export.exporter import RING_LENGTH, export_checkpoint
from models.preparation.prepared_data import PreparedData
from models.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from models.training.config import TrainingConfig
from models.training.ensemble_assembly import assemble
from nextclick.demo.reuse import reuse_or_make
from nextclick.leaderboard.configuration import Assembled
from nextclick.leaderboard.keys import digest, source_digest
from nextclick.training_execution import executed
from nextclick.training_report import train_and_report

# What is served is made and run by this, whatever the network.
SERVING = ("export.exporter", "export.runtime", "models.training.cold_items")
_TRAINING = ("models.training.run", "models.training.checkpoint")
_ASSEMBLING = ("models.training.ensemble_assembly", "models.training.checkpoint")
_KEPT_EVERY_S = 300.0


@dataclass(frozen=True)
class Networks:
    """Where networks are made and kept.

    Attributes:
        folder: Checkpoints and artifacts lie here, by the keys of their training.
        console: Where progress goes.
        device: Where networks learn.
    """

    folder: Path
    console: Console
    device: torch.device

    def key(self, model: TrainingConfig | Assembled, data_digest: str) -> str:
        """Return the key of what is learned: the settings, the data, and the code of this kind of network."""
        if isinstance(model, Assembled):
            members = [self.key(member, data_digest) for member in model.members]
            return digest(members, model.weights, source_digest(_ASSEMBLING))
        return digest(model, data_digest, source_digest((type(model.network).__module__, *_TRAINING)))

    def forget(self, model: TrainingConfig | Assembled, data_digest: str) -> None:
        """Throw away what was made for a model, whole or half; an ensemble's members are others' and stay."""
        shutil.rmtree(self.folder / self.key(model, data_digest), ignore_errors=True)

    def checkpoint(self, model: TrainingConfig | Assembled, data: PreparedData, data_digest: str) -> Checkpoint:
        """Train, or take over what a run before left; a training that was stopped goes on.

        Raises:
            NextclickError: If the data is not what the model needs, or training fails.
        """
        folder = self.folder / self.key(model, data_digest)
        place = folder / "checkpoint"

        def make() -> Checkpoint:
            if isinstance(model, Assembled):
                members = [self.checkpoint(member, data, data_digest) for member in model.members]
                exclude_last = RING_LENGTH if data.description.exclude_seen else 0
                assembled = assemble(members, data, weights=model.weights, exclude_last=exclude_last)
                save_checkpoint(place, assembled)
            else:
                self._train(model, data, place)
            return load_checkpoint(place)

        folder.mkdir(parents=True, exist_ok=True)
        return reuse_or_make(place, folder.name, load=load_checkpoint, make=make)[0]

    def artifact(self, model: TrainingConfig | Assembled, data_digest: str) -> Artifact:
        """Export the model's checkpoint, which is there, or take over what a run before left."""
        folder = self.folder / self.key(model, data_digest)
        artifact, _ = reuse_or_make(
            folder / "artifact",
            digest(folder.name, source_digest(SERVING)),
            load=load_artifact,
            make=lambda: export_checkpoint(folder / "checkpoint", folder / "artifact"),
        )
        return artifact

    def training_seconds(self, model: TrainingConfig | Assembled, data: PreparedData, data_digest: str) -> float:
        """Return what the epochs took, an ensemble's those of its members."""
        trained = model.members if isinstance(model, Assembled) else (model,)
        checkpoints = [self.checkpoint(one, data, data_digest) for one in trained]
        return sum(epoch.seconds for checkpoint in checkpoints for epoch in checkpoint.description.history)

    def _train(self, config: TrainingConfig, data: PreparedData, place: Path) -> None:
        exclude_seen = data.description.exclude_seen
        with executed(place, self.device, every_s=_KEPT_EVERY_S, restart=False) as execution:
            train_and_report(
                data, config, place, self.console, evaluate=False, exclude_seen=exclude_seen, execution=execution
            )
