"""The optimisers, each with its own settings and no others."""

from collections.abc import Iterable

import msgspec
import torch
from torch import nn

from models.bounds import NotNegative, Positive, ProperFraction


class Adam(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="name", tag="adam"):
    """Kingma and Ba, 2015."""

    learning_rate: Positive = 1e-3
    beta1: ProperFraction = 0.9
    beta2: ProperFraction = 0.999
    epsilon: Positive = 1e-8

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return the optimiser over these parameters."""
        return torch.optim.Adam(parameters, lr=self.learning_rate, betas=(self.beta1, self.beta2), eps=self.epsilon)


class AdamW(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="name", tag="adamw"):
    """Adam with weight decay beside the gradient, not inside it (Loshchilov and Hutter, 2019)."""

    learning_rate: Positive = 1e-3
    beta1: ProperFraction = 0.9
    beta2: ProperFraction = 0.999
    epsilon: Positive = 1e-8
    weight_decay: NotNegative = 1e-2

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return the optimiser over these parameters."""
        return torch.optim.AdamW(
            parameters,
            lr=self.learning_rate,
            betas=(self.beta1, self.beta2),
            eps=self.epsilon,
            weight_decay=self.weight_decay,
        )


class Adagrad(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="name", tag="adagrad"):
    """Duchi, Hazan and Singer, 2011; what GRU4Rec uses."""

    learning_rate: Positive = 0.05
    initial_accumulator: NotNegative = 0.0
    epsilon: Positive = 1e-10

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return the optimiser over these parameters."""
        return torch.optim.Adagrad(
            parameters,
            lr=self.learning_rate,
            initial_accumulator_value=self.initial_accumulator,
            eps=self.epsilon,
        )


class RMSProp(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="name", tag="rmsprop"):
    """Tieleman and Hinton, 2012."""

    learning_rate: Positive = 1e-3
    decay: ProperFraction = 0.99
    momentum: ProperFraction = 0.0
    epsilon: Positive = 1e-8

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return the optimiser over these parameters."""
        return torch.optim.RMSprop(
            parameters, lr=self.learning_rate, alpha=self.decay, momentum=self.momentum, eps=self.epsilon
        )


class SGD(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="name", tag="sgd"):
    """Stochastic gradient descent with momentum."""

    learning_rate: Positive = 0.1
    momentum: ProperFraction = 0.9
    nesterov: bool = False

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return the optimiser over these parameters."""
        return torch.optim.SGD(parameters, lr=self.learning_rate, momentum=self.momentum, nesterov=self.nesterov)


OptimiserConfig = Adam | AdamW | Adagrad | RMSProp | SGD


def takes_sparse_gradients(config: OptimiserConfig) -> bool:
    """Tell whether a row without a gradient stays where it is: only then is it enough to look at the others."""
    match config:
        case Adagrad():
            return True
        case SGD(momentum=momentum):
            return not momentum
        case _:
            return False
