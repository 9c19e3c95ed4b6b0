"""Learning-rate schedules: a factor on the optimiser's learning rate, as a function of how far training has come.

Progress is counted in epochs, so that a schedule does not change its shape with the size of the data. Each may begin
with a linear warm-up. Schedules that decay to zero are a poor choice where the newest clicks matter most, as in news:
in time order they come last, and would be learned least.
"""

import math

import msgspec


class _Schedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="name"):
    """What all schedules share.

    Attributes:
        warmup_epochs: The factor rises linearly from 0 over this many epochs; the schedule proper runs on meanwhile.
    """

    warmup_epochs: float = 0.0

    def factor(self, progress: float, epochs: int) -> float:
        """Return the factor on the learning rate.

        Args:
            progress: Epochs done, counted after the coming step: above 0, up to `epochs`.
            epochs: Epochs in all.
        """
        warmth = min(1.0, progress / self.warmup_epochs) if self.warmup_epochs else 1.0
        return warmth * self._decay(progress, epochs)

    def _decay(self, progress: float, epochs: int) -> float:
        raise NotImplementedError


class Constant(_Schedule, frozen=True, tag="constant"):
    """The learning rate as it is; with `warmup_epochs`, a linear warm-up and no decay."""

    def _decay(self, progress: float, epochs: int) -> float:  # noqa: ARG002 - one signature for all schedules
        return 1.0


class StepDecay(_Schedule, frozen=True, tag="step"):
    """Multiplied by `gamma` after every `every_epochs` epochs."""

    every_epochs: int = 1
    gamma: float = 0.5

    def _decay(self, progress: float, epochs: int) -> float:  # noqa: ARG002
        return self.gamma ** (math.ceil(progress / self.every_epochs) - 1)


class Cosine(_Schedule, frozen=True, tag="cosine"):
    """Half a cosine from 1 down to `final_factor` at the end of the last epoch (Loshchilov and Hutter, 2017)."""

    final_factor: float = 0.0

    def _decay(self, progress: float, epochs: int) -> float:
        return self.final_factor + (1.0 - self.final_factor) * (1.0 + math.cos(math.pi * progress / epochs)) / 2.0


ScheduleConfig = Constant | StepDecay | Cosine
