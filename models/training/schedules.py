"""Learning-rate schedules: a factor on the optimiser's learning rate, as a function of how far training has come.

Progress is counted in epochs, so that a schedule does not change its shape with the size of the data. Each may begin
with a linear warm-up. Schedules that decay to zero are a poor choice where the newest clicks matter most, as in news:
in time order they come last, and would be learned least.
"""

import math
from typing import assert_never

import msgspec

from models.bounds import AtLeastOne, Fraction, NotNegative


class Constant(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="name", tag="constant"):
    """The learning rate as it is; with `warmup_epochs`, a linear warm-up and no decay."""

    warmup_epochs: NotNegative = 0.0


class StepDecay(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="name", tag="step"):
    """Multiplied by `gamma` after every `every_epochs` epochs."""

    every_epochs: AtLeastOne = 1
    gamma: Fraction = 0.5
    warmup_epochs: NotNegative = 0.0


class Cosine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="name", tag="cosine"):
    """Half a cosine from 1 down to `final_factor` at the end of the last epoch (Loshchilov and Hutter, 2017)."""

    final_factor: Fraction = 0.0
    warmup_epochs: NotNegative = 0.0


ScheduleConfig = Constant | StepDecay | Cosine


def learning_rate_factor(schedule: ScheduleConfig, progress: float, epochs: int) -> float:
    """Return the factor on the learning rate for one step.

    Args:
        schedule: The schedule; it runs on while the factor rises linearly from 0 over its `warmup_epochs`.
        progress: Epochs done when the step is done: above 0, up to `epochs`.
        epochs: Epochs in all.
    """
    warmth = min(1.0, progress / schedule.warmup_epochs) if schedule.warmup_epochs else 1.0
    match schedule:
        case Constant():
            return warmth
        case StepDecay(every_epochs=every_epochs, gamma=gamma):
            return warmth * gamma ** (math.ceil(progress / every_epochs) - 1)
        case Cosine(final_factor=final):
            return warmth * (final + (1.0 - final) * (1.0 + math.cos(math.pi * progress / epochs)) / 2.0)
        case _:
            assert_never(schedule)
