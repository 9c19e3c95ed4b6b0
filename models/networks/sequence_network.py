"""What every network is: click in, state on, and from a state the scores of the catalogue. Legend in the package."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.items.item_contents import ItemContents

# A user's state after a click, an argument and a result: one tensor a name of `state_shapes`, in its order, (B, ...).
NetworkState = tuple[Tensor, ...]


class NetworkInputs(NamedTuple):
    """What the data decides of a network.

    Attributes:
        item_count: V.
        feature_width: F.
        contents: What the catalogue says of each item, for a network that reads it.
    """

    item_count: int
    feature_width: int = 0
    contents: ItemContents | None = None


class SequenceNetwork(nn.Module, ABC):
    """A recurrence with an explicit state: training runs it over sequences, the stream click by click.

    Both ways lead to the same state and the same scores; the exporter refuses a network where they do not.

    Args:
        inputs: What the data decides.
    """

    def __init__(self, inputs: NetworkInputs) -> None:
        super().__init__()
        self.inputs = inputs

    @property
    @abstractmethod
    def state_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The shape of each state tensor per user, without the batch axis, by name and in order."""

    @property
    def row_number_tensors(self) -> frozenset[str]:
        """Which state tensors hold row numbers (0 for none, the first item is 1) and must be stored in float32.

        float16 knows no whole number above 2048, float32 all up to 16,777,216.
        """
        return frozenset()

    @property
    def clicks_ahead(self) -> int:
        """How many of the next clicks its lists are made for: 1, but for a network that writes several."""
        return 1

    @property
    def feature_width(self) -> int:
        """F."""
        return self.inputs.feature_width

    @property
    def device(self) -> torch.device:
        """Where its weights are, and where everything that it is given must be."""
        tensors = (*self.parameters(), *self.buffers())
        return next((tensor.device for tensor in tensors), torch.device("cpu"))

    def initial_state(self, batch_size: int) -> NetworkState:
        """Return the state of B users who have clicked nothing: zeros."""
        device = self.device
        return tuple(torch.zeros(batch_size, *shape, device=device) for shape in self.state_shapes.values())

    @abstractmethod
    def forward(self, item_index: Tensor, features: Tensor, state: NetworkState) -> tuple[Tensor, NetworkState]:
        """Step through whole sequences.

        Args:
            item_index: What was clicked, (B, T) int64.
            features: The clicks' features, (B, T, F).
            state: The state before the first click.

        Returns:
            The output after every click, (B, T, D), to be given to `item_scores`; and the state after the last one.
        """

    @abstractmethod
    def step(self, item_index: Tensor, features: Tensor, state: NetworkState) -> NetworkState:
        """Advance users by one click each: what step.onnx computes.

        Args:
            item_index: What each clicked, (B,) int64.
            features: The clicks' features, (B, F).
            state: Their states before the click.
        """

    @abstractmethod
    def query(self, state: NetworkState) -> Tensor:
        """Return what is compared with the items, (B, D): `output_of`, unless a network needs more than that."""

    def output_of(self, state: NetworkState) -> Tensor:
        """Return the output of `forward` after the click that led to each state, (B, D)."""
        return self.query(state)

    @abstractmethod
    def item_scores(self, output: Tensor) -> Tensor:
        """Score the whole catalogue for outputs of `forward`, (N, D) -> (N, V); higher is better."""

    def training_loss(
        self, loss: "Callable[[SequenceNetwork, Tensor, Tensor], Tensor]", output: Tensor, click: Tensor, target: Tensor
    ) -> Tensor:
        """Return what is minimised for a batch, summed over its N clicks: the loss of each one's next click.

        Args:
            loss: Of outputs, (N, D), that a network scores the items for, given what was clicked, (N,).
            output: What `forward` gave for the whole batch, (R, T, D).
            click: Which of the R * T cells are clicks, (N,); cells behind them are padding.
            target: What was clicked next, (N,).
        """
        return loss(self, output.flatten(0, 1)[click], target)

    def scores(self, state: NetworkState) -> Tensor:
        """Score the whole catalogue for users by their state, (B, V): what rank.onnx computes before its top K."""
        return self.item_scores(self.output_of(state))

    def sequence_scores(self, item_index: Tensor, features: Tensor) -> Tensor:
        """Score the catalogue after each click of whole sessions, (B, T, V), by the pass that training uses."""
        output, _ = self(item_index, features, self.initial_state(len(item_index)))
        return self.item_scores(output.flatten(0, 1)).view(*output.shape[:2], -1)
