"""The space that a search goes through: a configuration, and keys of it with what they may be.

    base = "eshop"                                          # a name or a file, as for `nextclick train --config`

    [space]
    "network.hidden_size" = { choices = [64, 96, 128] }
    "network.layers" = { low = 1, high = 2 }                # whole numbers
    "network.output_dropout" = { low = 0.1, high = 0.5, step = 0.1 }
    "optimiser.learning_rate" = { low = 0.01, high = 0.2, log = true }
    "loss" = { choices = [{ name = "cross_entropy" }, { name = "bpr_max", negatives = 64 }] }

A key names a value or a whole table of the configuration. Tables are put in first, then the keys below them.
"""

import itertools
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import msgspec
import numpy as np
from optuna.trial import Trial

from models.errors import SettingsError
from models.training.config import (
    TrainingConfig,
    ValidationSection,
    encode_training_config,
    load_training_config,
    parse_training_config,
    shipped_configs,
)

# What a study keeps of a dimension's value: numbers as they are, a choice as JSON, since it may be a table.
Point = Mapping[str, float | int | str]
# A grid beyond this is a mistake: a step too small.
_MOST_GRID_POINTS = 10_000
# What a trial's figure is, and on which clicks: the same for all.
_JUDGES = (
    "validation",
    *(f"validation.{field}" for field in ValidationSection.__struct_fields__ if field != "patience"),
)


class Dimension(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one key may be.

    Attributes:
        choices: Any values, tables among them; or
        low: The least number,
        high: and the largest. If both are whole numbers, so are all between.
        step: Distance between the numbers to try; None tries any.
        log: Try the logarithm's range evenly: for learning rates and sizes.
    """

    choices: tuple[object, ...] = ()
    low: int | float | None = None
    high: int | float | None = None
    step: int | float | None = None
    log: bool = False

    def __post_init__(self) -> None:
        is_range = self.low is not None and self.high is not None
        if bool(self.choices) == is_range:
            raise ValueError("give either `choices`, or `low` and `high`")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"`low` {self.low} is above `high` {self.high}")
        if self.log and (self.choices or self.step is not None or (self.low or 0) <= 0):
            raise ValueError("`log` goes with a `low` above 0 and without `step`")

    def suggested(self, trial: Trial, key: str) -> float | int | str:
        """Let a study choose."""
        if self.choices:
            return trial.suggest_categorical(key, [_as_json(choice) for choice in self.choices])
        low, high = self._bounds
        if isinstance(low, int) and isinstance(high, int):
            return trial.suggest_int(key, low, high, step=int(self.step or 1), log=self.log)
        return trial.suggest_float(key, low, high, step=self.step, log=self.log)

    def grid(self, key: str) -> list[float | int | str]:
        """Return every value.

        Raises:
            SettingsError: If there is no end of them.
        """
        if self.choices:
            return [_as_json(choice) for choice in self.choices]
        low, high = self._bounds
        whole = isinstance(low, int) and isinstance(high, int)
        if not whole and self.step is None:
            raise SettingsError(
                f'A grid needs `choices` or a `step` for "{key}": between {low} and {high} there is no end.'
            )
        step = self.step or 1
        count = int(np.floor((high - low) / step + 1e-9)) + 1
        return [int(low + place * step) if whole else low + place * step for place in range(count)]

    @property
    def _bounds(self) -> tuple[float, float]:
        if self.low is None or self.high is None:
            raise AssertionError
        return self.low, self.high


class _SpaceFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    base: str
    space: dict[str, Dimension]


class SearchSpace(msgspec.Struct, frozen=True):
    """A configuration, and what of it may be otherwise.

    Attributes:
        base: The configuration.
        dimensions: By key, tables before the keys below them.
    """

    base: TrainingConfig
    dimensions: dict[str, Dimension]

    @property
    def digest(self) -> str:
        """SHA-256 of it: another space is another study."""
        return sha256(msgspec.json.encode(self)).hexdigest()

    def suggested(self, trial: Trial) -> dict[str, float | int | str]:
        """Let a study choose a point."""
        return {key: dimension.suggested(trial, key) for key, dimension in self.dimensions.items()}

    def grid(self) -> dict[str, list[float | int | str]]:
        """Return every value of every dimension.

        Raises:
            SettingsError: If a dimension has no end, or there are too many points.
        """
        values = {key: dimension.grid(key) for key, dimension in self.dimensions.items()}
        points = int(np.prod([len(of_key) for of_key in values.values()]))
        if points > _MOST_GRID_POINTS:
            raise SettingsError(f"The grid has {points:,} points: take larger steps, or another sampler.")
        return values

    def config_at(self, point: Point) -> TrainingConfig:
        """Return the configuration at a point.

        Raises:
            SettingsError: If it does not hold; the message names the point.
        """
        settings: dict[str, object] = msgspec.toml.decode(encode_training_config(self.base))
        for key in self.dimensions:
            value = point[key]
            chosen = msgspec.json.decode(value) if isinstance(value, str) else value
            _put(settings, key.split("."), chosen)
        where = ", ".join(f"{key} = {point[key]}" for key in self.dimensions)
        return parse_training_config(msgspec.toml.encode(settings), f"at {where}")


def overridden(
    space: SearchSpace, epochs: int | None, validation_share: float | None, metric: str | None
) -> SearchSpace:
    """Put what the command line says in the place of what the base says; None leaves it.

    Raises:
        SettingsError: If there is no such metric.
    """
    validation = msgspec.to_builtins(space.base.validation)
    if validation_share is not None:
        validation["share"] = validation_share
    if metric is not None:
        validation["metric"] = metric
    try:
        section = msgspec.convert(validation, ValidationSection)
    except msgspec.ValidationError as error:
        raise SettingsError(f"The search cannot go by that: {error}.") from error
    base = msgspec.structs.replace(space.base, validation=section, epochs=epochs or space.base.epochs)
    return SearchSpace(base, space.dimensions)


def load_search_space(path: Path) -> SearchSpace:
    """Read a search space.

    Raises:
        SettingsError: If it is missing, is no TOML, or holds what no configuration may.
    """
    if not path.is_file():
        raise SettingsError(f"There is no search space {path}: write one, docs/tune.md has an example.")
    try:
        read = msgspec.toml.decode(path.read_bytes(), type=_SpaceFile)
    except msgspec.DecodeError as error:
        raise SettingsError(f"The search space {path} does not hold: {error}.") from error
    if not read.space:
        raise SettingsError(f"The search space {path} is empty: name keys of the configuration under [space].")
    base = read.base if read.base in shipped_configs() else str(path.parent / read.base)
    fitted = next((key for key in read.space if key.split(".")[0] == "live_counts"), None)
    if fitted is not None:
        raise SettingsError(
            f'The search space {path} names "{fitted}", which changes no figure of a trial: set it in the base, '
            "`nextclick train` fits live counts for the best configuration."
        )
    other_judge = next((key for key in read.space if key in _JUDGES), None)
    if other_judge is not None:
        raise SettingsError(
            f'The search space {path} names "{other_judge}": figures of different validation periods or metrics cannot '
            "be compared. Set it in the base."
        )
    # Tables first: what is put in later stays.
    keys = sorted(read.space, key=lambda key: key.count("."))
    space = SearchSpace(load_training_config(base), {key: read.space[key] for key in keys})
    _check_ends(space)
    return space


def _check_ends(space: SearchSpace) -> None:
    """Try the first and the last value of each key: a misspelt one is found before anything is trained."""
    ends = {key: _ends(dimension) for key, dimension in space.dimensions.items()}
    for first_or_last in itertools.zip_longest(*ends.values()):
        space.config_at(
            {key: ends[key][0] if value is None else value for key, value in zip(ends, first_or_last, strict=True)}
        )


def _ends(dimension: Dimension) -> list[float | int | str]:
    if dimension.choices:
        return [_as_json(choice) for choice in dimension.choices]
    return [end for end in (dimension.low, dimension.high) if end is not None]


def _put(settings: dict[str, object], path: list[str], value: object) -> None:
    *tables, name = path
    table = settings
    for step in tables:
        inner = table.setdefault(step, {})
        if not isinstance(inner, dict):
            raise SettingsError(f'The search space names "{".".join(path)}", but {step} is a value and no table.')
        table = inner
    table[name] = value


def _as_json(value: object) -> str:
    return msgspec.json.encode(value).decode()
