"""Early stopping by the figures of a validation period."""

import math
from collections.abc import Mapping

import msgspec
from torch import Tensor, nn

from models.training.config import ValidationSection
from models.training.epoch_report import EpochReport


class StoppingState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What early stopping knows beside the best weights.

    Attributes:
        best_value: Of the metric; None before the first figure.
        epochs_since: How long ago that was.
    """

    best_value: float | None = None
    epochs_since: int = 0


class EarlyStopping:
    """Remembers the weights of the best epoch, and when it has been the best for too long.

    Args:
        config: The metric and the patience.
    """

    def __init__(self, config: ValidationSection) -> None:
        self.config = config
        self.state = StoppingState()
        self.best_weights: dict[str, Tensor] = {}

    @property
    def is_over(self) -> bool:
        """Tell whether there is no use in another epoch."""
        return self.state.epochs_since >= self.config.patience

    def observe(self, report: EpochReport, network: nn.Module) -> None:
        """Judge an epoch by its figures on the validation period."""
        if report.validation is None:
            return
        value = report.validation.metrics[self.config.metric]
        best = -math.inf if self.state.best_value is None else self.state.best_value
        if value > best:
            self.state = StoppingState(value)
            self.best_weights = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        else:
            self.state = msgspec.structs.replace(self.state, epochs_since=self.state.epochs_since + 1)

    def resume(self, state: StoppingState, best_weights: Mapping[str, Tensor]) -> None:
        """Go on where an interrupted run was."""
        self.state, self.best_weights = state, dict(best_weights)

    def restore(self, network: nn.Module) -> None:
        """Give the network the weights of its best epoch; without a validation period it keeps its last."""
        if self.best_weights:
            network.load_state_dict(self.best_weights)
