"""Which models are compared on which data: a TOML file, unknown keys refused.

    resamples = 1000

    [[networks]]                     trained as `nextclick train --config` does, exported, and measured as served
    dataset = "eshop"
    name = "lstm"
    config = "eshop"                 one that comes with nextclick, a TOML file, or a table that holds one itself
    seeds = [0, 1, 2]
    tuned_on = "the last 15 % of the training sessions, 13 configurations"

    [[baselines]]                    counted, by its `kind`: see models/baselines
    dataset = "eshop"
    model = {kind = "session_knn", neighbours = 500}

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
from pathlib import Path

import msgspec

from models.baselines.kinds import BaselineConfig
from models.bounds import AtLeastOne, AtLeastZero
from models.errors import SettingsError
from models.ratings.kinds import RatingModelConfig
from models.training.config import TrainingConfig, load_training_config

NOT_TUNED = "defaults"
Model = TrainingConfig | BaselineConfig | RatingModelConfig


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

    dataset: str
    name: str
    config: str | TrainingConfig
    seeds: tuple[AtLeastZero, ...] = (0,)
    tuned_on: str = NOT_TUNED

    def entries(self) -> list[Entry]:
        """Return one entry a seed."""
        config = load_training_config(self.config) if isinstance(self.config, str) else self.config
        return [
            Entry(self.dataset, self.name, seed, msgspec.structs.replace(config, seed=seed), self.tuned_on)
            for seed in self.seeds
        ]


class BaselineSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[[baselines]]`: the model itself; it is called by its kind where it has no name."""

    dataset: str
    model: BaselineConfig
    name: str | None = None
    tuned_on: str = NOT_TUNED

    def entries(self) -> list[Entry]:
        """Return the one entry."""
        return [Entry(self.dataset, self.name or kind_of(self.model), 0, self.model, self.tuned_on)]


class RatingSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[[ratings]]`: as `[[baselines]]`, of models that predict ratings."""

    dataset: str
    model: RatingModelConfig
    name: str | None = None
    tuned_on: str = NOT_TUNED

    def entries(self) -> list[Entry]:
        """Return the one entry."""
        return [Entry(self.dataset, self.name or kind_of(self.model), 0, self.model, self.tuned_on)]


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


Section = NetworkSection | BaselineSection | RatingSection


class LeaderboardConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is compared.

    Attributes:
        networks: Trained models, which can be served.
        baselines: Counted ones, for comparison only.
        ratings: Models of explicit feedback.
        published: Figures that others report.
        resamples: Of the bootstrap that gives every figure its interval.
        bootstrap_seed: Of its draws.
    """

    networks: tuple[NetworkSection, ...] = ()
    baselines: tuple[BaselineSection, ...] = ()
    ratings: tuple[RatingSection, ...] = ()
    published: tuple[Published, ...] = ()
    resamples: AtLeastOne = 1_000
    bootstrap_seed: AtLeastZero = 0

    def entries(self) -> list[Entry]:
        """Return every model on every data set, baselines first.

        Raises:
            SettingsError: If two go by one name, or a training configuration cannot be read.
        """
        sections: tuple[Section, ...] = (*self.baselines, *self.networks, *self.ratings)
        entries = [entry for section in sections for entry in section.entries()]
        twice = [name for name, count in Counter(map(str, entries)).items() if count > 1]
        if twice:
            raise SettingsError(f"The leaderboard has {twice[0]} twice: give one of them another name.")
        return entries


def kind_of(model: Model) -> str:
    """Return the `kind` of a model: `lstm`, `session_knn`, `user_mean`, ..."""
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
