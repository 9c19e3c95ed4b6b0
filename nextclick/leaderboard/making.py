"""From one entry of the configuration to what is measured of it."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rich.console import Console

from export.exporter import RING_LENGTH
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
from models.training.cold_items import with_cold_items
from models.training.config import TrainingConfig
from nextclick.leaderboard.configuration import Assembled, Entry, kind_of
from nextclick.leaderboard.keys import digest, source_digest
from nextclick.leaderboard.networks import SERVING, Networks
from nextclick.leaderboard.results import Measured, Ranks, Result
from nextclick.leaderboard.serving_cost import serving_figures
from nextclick.machine import machine_line

# What ranks, counts and draws, whatever the model.
_MEASURING = (
    "models.sequences.encoded_sessions",
    "models.evaluation.metric_intervals",
    "models.evaluation.ranked_predictions",
    "models.ratings.rating_metrics",
)
_SERVING_COST = "nextclick.leaderboard.serving_cost"
_LIBRARIES = ("nextclick", "numpy", "onnxruntime", "polars", "scipy", "torch")


@dataclass(frozen=True)
class Workshop:
    """Where and how entries are made.

    Attributes:
        networks: Trains those that learn; they are measured on the processor.
        console: Where progress goes.
        resamples: Of the bootstrap.
        bootstrap_seed: Of its draws.
    """

    networks: Networks
    console: Console
    resamples: int
    bootstrap_seed: int

    def key(self, entry: Entry, data_digest: str) -> str:
        """Return the key of an entry's result: its model, its data, the code, the bootstrap."""
        if isinstance(entry.model, TrainingConfig | Assembled):
            learned = self.networks.key(entry.model, data_digest)
            code = source_digest((*_MEASURING, *SERVING, _SERVING_COST))
        else:
            learned, code = _counted_key(entry.model, data_digest), source_digest(_MEASURING)
        named = (entry.dataset, entry.name, self.resamples, self.bootstrap_seed)
        return digest(learned, code, *named, Result.__struct_fields__)

    def forget(self, entry: Entry, data_digest: str) -> None:
        """Throw away what was trained for an entry, whole or half."""
        if isinstance(entry.model, TrainingConfig | Assembled):
            self.networks.forget(entry.model, data_digest)

    def make(self, entry: Entry, data: PreparedData, data_digest: str) -> Measured:
        """Train, or count, and measure.

        Raises:
            NextclickError: If the data is not what the model needs, or training or export fails.
        """
        if isinstance(entry.model, TrainingConfig | Assembled):
            return self._network(entry, entry.model, data, data_digest)
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

    def _network(
        self, entry: Entry, model: TrainingConfig | Assembled, data: PreparedData, data_digest: str
    ) -> Measured:
        trained = self.networks.checkpoint(model, data, data_digest)
        artifact = self.networks.artifact(model, data_digest)
        seconds = self.networks.training_seconds(model, data, data_digest)
        checkpoint = with_cold_items(trained)
        features = trained.description.features
        test = encode_sessions(data.test, checkpoint.vocabulary, features, history=data.test_history)
        return self._measured(
            entry,
            self._ranked(NetworkScorer(checkpoint.network), test, data),
            training_clicks(data.train, checkpoint.vocabulary),
            sessions=_with_more_to_come(test),
            costs=_costs(seconds) | serving_figures(artifact),
            model_id=artifact.manifest.model_id,
        )

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


def _counted_key(model: BaselineConfig | RatingModelConfig, data_digest: str) -> str:
    return digest(model, data_digest, source_digest((type(model).__module__,)))


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def _costs(seconds: float) -> dict[str, Interval]:
    return {"training_seconds": Interval(seconds, seconds, seconds)}
