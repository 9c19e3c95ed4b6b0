"""From one entry of the configuration to what is measured of it."""

import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from rich.console import Console

from export.artifact import Artifact, load_artifact
from export.exporter import RING_LENGTH, export_checkpoint
from models.baselines.kinds import BaselineConfig
from models.evaluation.metric_intervals import Interval, metric_intervals
from models.evaluation.protocol import NetworkScorer
from models.evaluation.ranked_predictions import RankedPredictions, rank_predictions
from models.evaluation.scorer import Scorer
from models.preparation.prepared_data import PreparedData
from models.ratings.kinds import RatingModelConfig
from models.ratings.rating_data import read_ratings
from models.ratings.rating_metrics import evaluate_ratings
from models.sequences.encoded_sessions import EncodedSessions, encode_sessions
from models.sequences.vocabulary import ItemVocabulary
from models.training.checkpoint import Checkpoint, load_checkpoint
from models.training.cold_items import with_cold_items
from models.training.config import TrainingConfig
from nextclick.demo.reuse import reuse_or_make
from nextclick.leaderboard.configuration import Entry, kind_of
from nextclick.leaderboard.keys import digest, source_digest
from nextclick.leaderboard.results import Measured, Ranks, Result
from nextclick.leaderboard.serving_cost import serving_figures
from nextclick.machine import machine_line
from nextclick.training_execution import executed
from nextclick.training_report import train_and_report

# What ranks, counts and draws, whatever the model.
_MEASURING = (
    "models.sequences.encoded_sessions",
    "models.evaluation.metric_intervals",
    "models.evaluation.ranked_predictions",
    "models.ratings.rating_metrics",
)
_TRAINING = ("models.training.run", "models.training.checkpoint")
_KEPT_EVERY_S = 300.0
_LIBRARIES = ("nextclick", "numpy", "onnxruntime", "polars", "scipy", "torch")
_SERVING = ("export.exporter", "export.runtime", "models.training.cold_items")


@dataclass(frozen=True)
class Workshop:
    """Where and how entries are made.

    Attributes:
        folder: Checkpoints and artifacts lie here, by the keys of their training.
        console: Where progress goes.
        device: Where networks learn; they are measured on the processor.
        resamples: Of the bootstrap.
        bootstrap_seed: Of its draws.
    """

    folder: Path
    console: Console
    device: torch.device
    resamples: int
    bootstrap_seed: int

    def key(self, entry: Entry, data_digest: str) -> str:
        """Return the key of an entry's result: its model, its data, the code, the bootstrap."""
        code = source_digest((*_MEASURING, *(_SERVING if isinstance(entry.model, TrainingConfig) else ())))
        named = (entry.dataset, entry.name, self.resamples, self.bootstrap_seed)
        return digest(_training_key(entry, data_digest), code, *named, Result.__struct_fields__)

    def forget(self, entry: Entry, data_digest: str) -> None:
        """Throw away what was trained for an entry, whole or half."""
        shutil.rmtree(self.folder / _training_key(entry, data_digest), ignore_errors=True)

    def make(self, entry: Entry, data: PreparedData, data_digest: str) -> Measured:
        """Train, or count, and measure.

        Raises:
            NextclickError: If the data is not what the model needs, or training or export fails.
        """
        if isinstance(entry.model, TrainingConfig):
            return self._network(entry, entry.model, data, self.folder / _training_key(entry, data_digest))
        if isinstance(entry.model, RatingModelConfig):
            return self._rating_model(entry, entry.model, data)
        return self._baseline(entry, entry.model, data)

    def _baseline(self, entry: Entry, model: BaselineConfig, data: PreparedData) -> Measured:
        vocabulary = ItemVocabulary(data.train["item_id"].unique().sort().to_list())
        training = encode_sessions(data.train, vocabulary, ())
        began = time.perf_counter()
        scorer = model.fit(training, len(vocabulary))
        seconds = time.perf_counter() - began
        test = encode_sessions(data.test, vocabulary, (), history=data.test_history)
        popularity = training_clicks(data.train, vocabulary)
        ranked = self._ranked(scorer, test, data)
        return self._measured(entry, ranked, popularity, sessions=_with_more_to_come(test), costs=_costs(seconds))

    def _network(self, entry: Entry, config: TrainingConfig, data: PreparedData, folder: Path) -> Measured:
        trained, artifact = self._trained(config, data, folder)
        checkpoint, description = with_cold_items(trained), trained.description
        test = encode_sessions(data.test, checkpoint.vocabulary, description.features, history=data.test_history)
        ranked = self._ranked(NetworkScorer(checkpoint.network), test, data)
        seconds = sum(epoch.seconds for epoch in description.history)
        costs = _costs(seconds) | serving_figures(artifact)
        return self._measured(
            entry,
            ranked,
            training_clicks(data.train, checkpoint.vocabulary),
            sessions=_with_more_to_come(test),
            costs=costs,
            model_id=artifact.manifest.model_id,
        )

    def _trained(self, config: TrainingConfig, data: PreparedData, folder: Path) -> tuple[Checkpoint, Artifact]:
        """Train and export, or take over what a run before left; a training that was stopped goes on."""
        place, exclude_seen = folder / "checkpoint", data.description.exclude_seen

        def train() -> Checkpoint:
            with executed(place, self.device, every_s=_KEPT_EVERY_S, restart=False) as execution:
                train_and_report(
                    data, config, place, self.console, evaluate=False, exclude_seen=exclude_seen, execution=execution
                )
            return load_checkpoint(place)

        folder.mkdir(parents=True, exist_ok=True)
        checkpoint, _ = reuse_or_make(place, folder.name, load=load_checkpoint, make=train)
        exported_from = digest(folder.name, source_digest(_SERVING))
        artifact, _ = reuse_or_make(
            folder / "artifact",
            exported_from,
            load=load_artifact,
            make=lambda: export_checkpoint(place, folder / "artifact"),
        )
        return checkpoint, artifact

    def _rating_model(self, entry: Entry, model: RatingModelConfig, data: PreparedData) -> Measured:
        split = read_ratings(data)
        began = time.perf_counter()
        predictor = model.fit(split)
        seconds = time.perf_counter() - began
        figures = evaluate_ratings(predictor, split, resamples=self.resamples, seed=self.bootstrap_seed)
        users = len(np.unique(split.test.user_index))
        result = Result(
            dataset=entry.dataset,
            model=entry.name,
            kind=kind_of(model),
            seed=entry.seed,
            figures=figures | _costs(seconds),
            predictions=len(split.test),
            sessions=users,
            machine=machine_line(_LIBRARIES),
            day=_today(),
        )
        return Measured(result, ranks=None)

    def _ranked(self, scorer: Scorer, test: EncodedSessions, data: PreparedData) -> RankedPredictions:
        exclude_last = RING_LENGTH if data.description.exclude_seen else 0
        with self.console.status(f"Ranking {len(data.test):,} test clicks"):
            return rank_predictions(scorer.score(test), test, exclude_last=exclude_last)

    def _measured(
        self,
        entry: Entry,
        ranked: RankedPredictions,
        popularity: NDArray[np.int64],
        *,
        sessions: EncodedSessions | None,
        costs: dict[str, Interval],
        model_id: str | None = None,
    ) -> Measured:
        figures = metric_intervals(
            ranked, popularity, sessions=sessions, resamples=self.resamples, seed=self.bootstrap_seed
        )
        result = Result(
            dataset=entry.dataset,
            model=entry.name,
            kind=kind_of(entry.model),
            seed=entry.seed,
            figures=figures | costs,
            predictions=len(ranked.predictions),
            sessions=len(np.unique(ranked.predictions.session)),
            machine=machine_line(_LIBRARIES),
            day=_today(),
            model_id=model_id,
        )
        return Measured(result, Ranks(ranked.predictions.session, ranked.ranks))


def training_clicks(train: pl.DataFrame, vocabulary: ItemVocabulary) -> NDArray[np.int64]:
    """Return the training clicks of every item, (V,): the same for all models, also where one validates on the last."""
    counts = train["item_id"].value_counts()
    clicks = dict(zip(counts["item_id"].to_list(), counts["count"].to_list(), strict=True))
    return np.array([clicks.get(item_id, 0) for item_id in vocabulary.item_ids], dtype=np.int64)


def _with_more_to_come(test: EncodedSessions) -> EncodedSessions | None:
    """Return the test, if there is more than one click to predict in a row; None where it is of last clicks."""
    return test if test.first_predicted is None else None


def _training_key(entry: Entry, data_digest: str) -> str:
    """Return the key of what is learned: the settings, the data, and the code of this kind of model."""
    config = entry.model.network if isinstance(entry.model, TrainingConfig) else entry.model
    modules = (type(config).__module__, *(_TRAINING if isinstance(entry.model, TrainingConfig) else ()))
    return digest(entry.model, data_digest, source_digest(modules))


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def _costs(seconds: float) -> dict[str, Interval]:
    return {"training_seconds": Interval(seconds, seconds, seconds)}
