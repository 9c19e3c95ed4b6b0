"""The settings of one training run: one frozen object, read from TOML, unknown keys refused."""

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from models.bounds import AtLeastOne, AtLeastZero, NotNegative, Positive, ProperFraction
from models.counts.recipe import CountsRecipe
from models.counts.validation_questions import FEWEST
from models.errors import SettingsError
from models.evaluation.metrics import METRIC_NAMES
from models.networks.kinds import NetworkConfig
from models.networks.lstm import LSTMConfig
from models.preparation.cuts import CrossingSessions
from models.sequences.features import FeatureName
from models.training.augmentation import Augmentation
from models.training.losses import CrossEntropy, LossConfig
from models.training.optimisers import Adagrad, OptimiserConfig, takes_sparse_gradients
from models.training.schedules import Constant, ScheduleConfig

# The committed configurations, shipped beside the code.
_CONFIGS = files("models") / "configs"


class BatchSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[batches]`: how sessions are dealt.

    Attributes:
        order: `time`, sessions by their first click, every epoch alike; `shuffled`, in a new order every epoch.
        lanes: Sessions trained in parallel.
        window: Clicks of a session between two updates: where backpropagation through time is cut off.
        loss_divisor: The loss is summed over a batch's clicks and divided by this constant. Never by the batch's own
            count: where batches differ in length, a click of a short session would then weigh more than another.
    """

    order: Literal["time", "shuffled"] = "time"
    lanes: AtLeastOne = 48
    window: AtLeastOne = 20
    loss_divisor: Positive = 100.0


class ValidationSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[validation]`: early stopping on the end of the training period.

    Attributes:
        share: Share of the training sessions (of the clicks, where sessions never end), the last by time, that is kept
            out of training; 0 trains on all, for all epochs.
        crossing_sessions: What becomes of the sessions that began before the kept-out ones and were not over by then:
            `dropped`, so that nothing that is learned is later, or `learned` whole. As the test's were: what they click
            late is all there is to know of the newest items.
        min_item_clicks: Items with fewer clicks in what is left to learn are left out of it, and so of the validation.
            As the test's were: otherwise it asks for items that are rarer than any the test knows.
        metric: What must improve.
        patience: Epochs without improvement after which training stops; the best epoch's weights are kept.
    """

    share: ProperFraction = 0.1
    crossing_sessions: CrossingSessions = "dropped"
    min_item_clicks: AtLeastOne = 1
    metric: str = "MRR@20"
    patience: AtLeastOne = 3

    def __post_init__(self) -> None:
        if self.metric not in METRIC_NAMES:
            raise ValueError(f"there is no metric {self.metric}, only {', '.join(METRIC_NAMES)}")


class LiveCountsSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[live_counts]`: how everyone's latest clicks enter the lists, fitted once the network is trained.

    Attributes:
        fit: Whether to.
        delay_s: How far the counts will lag behind the clicks.
        questions: Validation clicks to judge recipes by, at most.
        validation_share: As `share` under `[validation]`, where that is 0: another network is trained without this end
            of the training period, for the fit alone.
        start: Where the fit begins, and what it leaves as it is: buckets, bounds, how often a user counts.
    """

    fit: bool = False
    delay_s: NotNegative = 60.0
    questions: Annotated[int, msgspec.Meta(ge=FEWEST)] = 4_000
    validation_share: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.15
    start: CountsRecipe = CountsRecipe()


class TrainingConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One training run; the defaults are what proved best on e-shop, with early stopping.

    Attributes:
        network: By its `kind`, with its own shape.
        features: What a network is told of a click beside the item.
        augmentation: What an epoch changes of the training sessions.
        loss: By its `name`, with its own settings.
        batches: How clicks are dealt.
        optimiser: By its `name`, with its own settings.
        schedule: Of the learning rate, by its `name`.
        validation: Early stopping.
        live_counts: What is fitted beside the network.
        epochs: Passes over the training clicks, at most.
        sparse_gradients: Move only the rows of the item table that a batch touches, so that a step's cost does not grow
            with the catalogue. For sampled losses, with Adagrad or with SGD without momentum.
        gradient_clip_norm: The gradient's norm over all parameters is cut to this; None leaves it.
        seed: Of the weights, the dropout and the shuffling.
    """

    network: NetworkConfig = LSTMConfig()
    features: tuple[FeatureName, ...] = ()
    augmentation: Augmentation = Augmentation()
    loss: LossConfig = CrossEntropy()
    batches: BatchSection = BatchSection()
    optimiser: OptimiserConfig = Adagrad()
    schedule: ScheduleConfig = Constant()
    validation: ValidationSection = ValidationSection()
    live_counts: LiveCountsSection = LiveCountsSection()
    epochs: AtLeastOne = 20
    sparse_gradients: bool = False
    gradient_clip_norm: Positive | None = None
    seed: AtLeastZero = 0

    def __post_init__(self) -> None:
        if len(set(self.features)) < len(self.features):
            raise ValueError("features names one of them twice")
        if self.sparse_gradients:
            self._require_gradients_of_rows()

    def _require_gradients_of_rows(self) -> None:
        if isinstance(self.loss, CrossEntropy):
            raise ValueError(  # noqa: TRY004 - a setting's value, not a type
                "sparse_gradients is for a sampled loss: cross_entropy gives every item a gradient"
            )
        if not takes_sparse_gradients(self.optimiser):
            raise ValueError(
                "sparse_gradients needs the optimiser adagrad, or sgd with momentum = 0: any other moves every row at "
                "every step, whether it has a gradient or not"
            )


def shipped_configs() -> tuple[str, ...]:
    """Return the names of the configurations that come with nextclick."""
    return tuple(sorted(entry.name.removesuffix(".toml") for entry in _CONFIGS.iterdir()))


# A data set that becomes the same clicks as another once it is prepared.
_SAME_CLICKS = {"eshop-2008": "eshop"}


def config_for(dataset: str) -> TrainingConfig:
    """Return the configuration that comes with nextclick for a data set, or the defaults where none does."""
    name = _SAME_CLICKS.get(dataset, dataset)
    return load_training_config(name) if name in shipped_configs() else TrainingConfig()


def load_training_config(name_or_path: str) -> TrainingConfig:
    """Read a configuration.

    Args:
        name_or_path: A name of `shipped_configs`, or a TOML file.

    Raises:
        SettingsError: If there is none, or it holds a key or a value that it must not.
    """
    if name_or_path in shipped_configs():
        return parse_training_config((_CONFIGS / f"{name_or_path}.toml").read_bytes(), name_or_path)
    path = Path(name_or_path)
    if not path.is_file():
        raise SettingsError(
            f"There is no configuration {name_or_path}: name a TOML file, or one of {', '.join(shipped_configs())}."
        )
    return parse_training_config(path.read_bytes(), name_or_path)


def parse_training_config(encoded: bytes, source: str) -> TrainingConfig:
    """Decode a configuration from TOML.

    Args:
        encoded: The file.
        source: What to call it in an error.

    Raises:
        SettingsError: If it is no TOML, or holds a key or a value that it must not.
    """
    try:
        return msgspec.toml.decode(encoded, type=TrainingConfig)
    except msgspec.DecodeError as error:
        raise SettingsError(f"The training configuration {source} does not hold: {error}.") from error


def encode_training_config(config: TrainingConfig) -> bytes:
    """Write a configuration as TOML, whole: `parse_training_config` gives it back. What is None is left out."""
    return msgspec.toml.encode(_without_none(msgspec.to_builtins(config)))


def _without_none(value: object) -> object:
    """Return tables without the keys whose value is None, which TOML does not have."""
    if isinstance(value, dict):
        return {key: _without_none(entry) for key, entry in value.items() if entry is not None}
    if isinstance(value, list | tuple):
        return [_without_none(entry) for entry in value]
    return value
