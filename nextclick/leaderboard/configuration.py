"""Which models are compared on which data: a TOML file, unknown keys refused.

    resamples = 1000

    [[datasets]]                     what a reader should know of one; without a section the data set speaks for itself
    name = "eshop"
    about = "Clothing, 2008: ..."
    headline = ["MRR@20", "Recall@20"]

    [[networks]]                     trained as `nextclick train --config` does, exported, and measured as served
    dataset = "eshop"
    name = "lstm"
    config = "eshop"                 one that comes with nextclick, a TOML file, or a table that holds one itself
    seeds = [0, 1, 2]
    tuned_on = "the last 15 % of the training sessions, 13 configurations"

    [[baselines]]                    counted, by its `kind`: see models/baselines
    dataset = ["eshop", "globo"]     one data set, or the same on several
    model = {kind = "session_knn", neighbours = 500}

    [[ensembles]]                    networks of the same data set, by their names, put together without training anew
    dataset = "eshop"
    name = "ensemble"
    members = ["lstm", "markov"]
    weights = [1.0, 0.3]             without: fitted on the validation period that all members left out

    [[ratings]]                      explicit feedback, by its `kind`: see models/ratings
    dataset = "movielens-latest-small"
    model = {kind = "user_mean"}

    [[published]]                    what others report on the same split, to stand beside: not measured here
    dataset = "eshop"
    name = "GRU4Rec, official"
    figures = {"Recall@20" = 0.7256, "MRR@20" = 0.2757}
    source = "its PyTorch version, 10 epochs"

A new kind of network, baseline or rating model needs one line, in the union of its `kinds.py`.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from models.baselines.kinds import BaselineConfig
from models.bounds import AtLeastOne, AtLeastZero
from models.errors import SettingsError
from models.networks.ensemble import EnsembleConfig
from models.ratings.kinds import RatingModelConfig
from models.training.config import TrainingConfig, load_training_config

NOT_TUNED = "defaults"
# One data set, or several on which the same is measured.
DatasetNames = str | tuple[str, ...]
HeadlineFigure = Literal["Recall@10", "MRR@10", "NDCG@10", "Recall@20", "MRR@20", "NDCG@20"]


class Assembled(msgspec.Struct, frozen=True):
    """Networks that are trained apart and put together, see `models.training.ensemble_assembly`.

    Attributes:
        members: How each is trained.
        weights: What each weighs; None: fitted on the validation period that all of them left out.
    """

    members: tuple[TrainingConfig, ...]
    weights: tuple[float, ...] | None


Model = TrainingConfig | Assembled | BaselineConfig | RatingModelConfig


class Entry(msgspec.Struct, frozen=True):
    """One model to be measured on one data set.

    Attributes:
        dataset: A data set that `nextclick data prepare` knows, or has prepared.
        name: What the leaderboard calls the model.
        seed: Of its training; baselines have 0.
        model: How it is made.
        tuned_on: One phrase: what its settings were chosen by.
    """

    dataset: str
    name: str
    seed: int
    model: Model
    tuned_on: str

    def __str__(self) -> str:
        return f"{self.dataset}/{self.name}/{self.seed}"


class NetworkSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[[networks]]`: a training configuration, by name, by file or spelled out, with one seed or several."""

    dataset: DatasetNames
    name: str
    config: str | TrainingConfig
    seeds: tuple[AtLeastZero, ...] = (0,)
    tuned_on: str = NOT_TUNED

    def entries(self) -> list[Entry]:
        """Return one entry a data set and seed."""
        config = load_training_config(self.config) if isinstance(self.config, str) else self.config
        return [
            Entry(dataset, self.name, seed, msgspec.structs.replace(config, seed=seed), self.tuned_on)
            for dataset in _each(self.dataset)
            for seed in self.seeds
        ]


class EnsembleSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[[ensembles]]`: networks of the same data set, each with its first seed."""

    dataset: DatasetNames
    name: str
    members: tuple[str, ...]
    weights: tuple[float, ...] | None = None
    tuned_on: str = NOT_TUNED

    def entries(self, networks: Sequence[Entry]) -> list[Entry]:
        """Return one entry a data set; its seed is its first member's.

        Raises:
            SettingsError: If there is no network of a member's name.
        """
        return [self._entry(dataset, networks) for dataset in _each(self.dataset)]

    def _entry(self, dataset: str, networks: Sequence[Entry]) -> Entry:
        members = []
        for name in self.members:
            found = [one for one in networks if (one.dataset, one.name) == (dataset, name)]
            if not found:
                raise SettingsError(
                    f"{dataset}/{self.name} has a member {name}, but no [[networks]] of {dataset} has that name."
                )
            members.append(found[0])
        configs = tuple(one.model for one in members if isinstance(one.model, TrainingConfig))
        return Entry(dataset, self.name, members[0].seed, Assembled(configs, self.weights), self.tuned_on)


class BaselineSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[[baselines]]`: the model itself; it is called by its kind where it has no name."""

    dataset: DatasetNames
    model: BaselineConfig
    name: str | None = None
    tuned_on: str = NOT_TUNED

    def entries(self) -> list[Entry]:
        """Return one entry a data set."""
        name = self.name or kind_of(self.model)
        return [Entry(dataset, name, 0, self.model, self.tuned_on) for dataset in _each(self.dataset)]


class RatingSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[[ratings]]`: as `[[baselines]]`, of models that predict ratings."""

    dataset: DatasetNames
    model: RatingModelConfig
    name: str | None = None
    tuned_on: str = NOT_TUNED

    def entries(self) -> list[Entry]:
        """Return one entry a data set."""
        name = self.name or kind_of(self.model)
        return [Entry(dataset, name, 0, self.model, self.tuned_on) for dataset in _each(self.dataset)]


class DatasetSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[[datasets]]`: what the page says of a data set.

    Attributes:
        name: Which one.
        about: What its test asks, in a sentence or two.
        headline: Two figures: its models are ordered by the first, both are drawn.
    """

    name: str
    about: str = ""
    headline: tuple[HeadlineFigure, HeadlineFigure] = ("MRR@20", "Recall@20")


class Published(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[[published]]`: figures that others report.

    Attributes:
        dataset: On which split.
        name: Of which model.
        figures: By name, `Recall@20` and so on.
        source: By whom, and how they came about.
    """

    dataset: str
    name: str
    figures: dict[str, float]
    source: str


class LeaderboardConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is compared.

    Attributes:
        datasets: What the page says of data sets.
        networks: Trained models, which can be served.
        ensembles: Of these networks.
        baselines: Counted ones, for comparison only.
        ratings: Models of explicit feedback.
        published: Figures that others report.
        resamples: Of the bootstrap that gives every figure its interval.
        bootstrap_seed: Of its draws.
    """

    datasets: tuple[DatasetSection, ...] = ()
    networks: tuple[NetworkSection, ...] = ()
    ensembles: tuple[EnsembleSection, ...] = ()
    baselines: tuple[BaselineSection, ...] = ()
    ratings: tuple[RatingSection, ...] = ()
    published: tuple[Published, ...] = ()
    resamples: AtLeastOne = 1_000
    bootstrap_seed: AtLeastZero = 0

    def described(self, dataset: str) -> DatasetSection:
        """Return what the page says of a data set."""
        return next((section for section in self.datasets if section.name == dataset), DatasetSection(dataset))

    def entries(self) -> list[Entry]:
        """Return every model on every data set, baselines first.

        Raises:
            SettingsError: If two go by one name, an ensemble's member is not there, or a training configuration
                cannot be read.
        """
        networks = [entry for network in self.networks for entry in network.entries()]
        entries = [
            *(entry for baseline in self.baselines for entry in baseline.entries()),
            *networks,
            *(entry for ensemble in self.ensembles for entry in ensemble.entries(networks)),
            *(entry for rating in self.ratings for entry in rating.entries()),
        ]
        twice = [name for name, count in Counter(map(str, entries)).items() if count > 1]
        if twice:
            raise SettingsError(f"The leaderboard has {twice[0]} twice: give one of them another name.")
        return entries


def _each(names: DatasetNames) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else names


def kind_of(model: Model) -> str:
    """Return the `kind` of a model: `lstm`, `session_knn`, `user_mean`, ..."""
    if isinstance(model, Assembled):
        return str(EnsembleConfig.__struct_config__.tag)
    config = model.network if isinstance(model, TrainingConfig) else model
    return str(config.__struct_config__.tag)


def load_leaderboard_config(path: Path) -> LeaderboardConfig:
    """Read a configuration.

    Raises:
        SettingsError: If there is none, or it holds a key or a value that it must not.
    """
    try:
        return msgspec.toml.decode(path.read_bytes(), type=LeaderboardConfig)
    except OSError as error:
        raise SettingsError(f"There is no leaderboard configuration {path}: {error.strerror}.") from error
    except msgspec.DecodeError as error:
        raise SettingsError(f"The leaderboard configuration {path} does not hold: {error}.") from error
