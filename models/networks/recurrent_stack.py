"""Layers of recurrent cells over a session's clicks: what LSTM and GRU share. Legend in the package.

A layer's output is its hidden state, normalised where that is asked for; with residual connections each layer from the
second on adds the output of the layer below. The top layer's output is compared with the items. The state keeps the
hidden states as the cells left them, so that the query can be made of the state alone.
"""

from abc import abstractmethod
from collections.abc import Sequence

import msgspec
import torch
from torch import Tensor, nn

from models.bounds import AtLeastOne, AtLeastZero, ProperFraction
from models.networks.item_table import DotProductSequenceNetwork, ItemSide, ItemTable
from models.networks.sequence_network import NetworkInputs, NetworkState


class StackConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The shape of a stack, whatever its items' side is.

    Attributes:
        embedding_size: E.
        hidden_size: H.
        layers: L.
        embedding_dropout: Share of the embedding's components that is zeroed in training.
        output_dropout: The same for every layer's output.
        layer_norm: Normalise every layer's output (Ba, Kiros and Hinton, 2016).
        residual: Add the output of the layer below to that of every layer but the first.
        repeat_window: How many of the last items get a learned score of their own, see `RepeatOffset`; 0: none.
    """

    embedding_size: AtLeastOne = 128
    hidden_size: AtLeastOne = 128
    layers: AtLeastOne = 1
    embedding_dropout: ProperFraction = 0.1
    output_dropout: ProperFraction = 0.4
    layer_norm: bool = False
    residual: bool = False
    repeat_window: AtLeastZero = 0


class RecurrentConfig(StackConfig, frozen=True, forbid_unknown_fields=True):
    """The shape of a stack over a table of items.

    Attributes:
        tied: Score against the embedding of the input; false gives the output a table of its own.
    """

    tied: bool = True

    def build_items(self, item_count: int) -> ItemTable:
        """Return a table with its first weights yet to be drawn."""
        return ItemTable(item_count, self.embedding_size, dropout=self.embedding_dropout, tied=self.tied)


class RecurrentStack(DotProductSequenceNetwork):
    """Item vectors and features -> recurrent layers -> scores of all items.

    Where the hidden size is not the embedding size, a linear projection lies between the top layer and the items.

    Args:
        config: The stack's shape.
        inputs: What the data decides.
        items: The items' side.
        cell: The kind of layer: `torch.nn.LSTM` or `torch.nn.GRU`.
    """

    def __init__(
        self, config: StackConfig, inputs: NetworkInputs, items: ItemSide, cell: type[nn.LSTM] | type[nn.GRU]
    ) -> None:
        super().__init__(inputs, items)
        self.config = config
        widths = [config.embedding_size + inputs.feature_width, *[config.hidden_size] * (config.layers - 1)]
        self.layers = nn.ModuleList([cell(width, config.hidden_size, batch_first=True) for width in widths])
        self.norms = nn.ModuleList(
            [nn.LayerNorm(config.hidden_size) if config.layer_norm else nn.Identity() for _ in widths]
        )
        self.output_dropout = nn.Dropout(config.output_dropout)
        self.projection = (
            nn.Identity()
            if config.hidden_size == config.embedding_size
            else nn.Linear(config.hidden_size, config.embedding_size, bias=False)
        )
        items.initialise()

    @abstractmethod
    def run_layer(self, layer: int, below: Tensor, state: NetworkState) -> tuple[Tensor, NetworkState]:
        """Run one layer over sequences.

        Args:
            layer: Which one.
            below: Its inputs, (B, T, E + F) or (B, T, H).
            state: This layer's part of every state tensor, each (B, H).

        Returns:
            Its hidden state after every click, (B, T, H), and its part of the state after the last one.
        """

    @abstractmethod
    def step_layer(self, layer: int, below: Tensor, state: NetworkState) -> NetworkState:
        """Run one layer for one click: (B, E + F) or (B, H), state tensors (B, H); the hidden state comes first.

        torch's equations written out, so that they export to plain matrix products.
        """

    @property
    @abstractmethod
    def state_names(self) -> Sequence[str]:
        """The names of the state tensors, the hidden state first; each is (B, L, H)."""

    @property
    def state_shapes(self) -> dict[str, tuple[int, ...]]:
        """(L, H) for every name."""
        return dict.fromkeys(self.state_names, (self.config.layers, self.config.hidden_size))

    def forward(self, item_index: Tensor, features: Tensor, state: NetworkState) -> tuple[Tensor, NetworkState]:
        """Step through whole sequences, see `SequenceNetwork`."""
        below = self.items(item_index, features)  # (B, T, E + F)
        advanced = []
        for layer in range(self.config.layers):
            hidden, layer_state = self.run_layer(layer, below, _of_layer(state, layer))  # (B, T, H)
            below = self.output_dropout(self._layer_output(layer, hidden, below))
            advanced.append(layer_state)
        return self.projection(below), _stacked(advanced)

    def step(self, item_index: Tensor, features: Tensor, state: NetworkState) -> NetworkState:
        """Advance users by one click each, see `SequenceNetwork`."""
        below = self.items(item_index, features)  # (B, E + F)
        advanced = []
        for layer in range(self.config.layers):
            layer_state = self.step_layer(layer, below, _of_layer(state, layer))
            below = self._layer_output(layer, layer_state[0], below)
            advanced.append(layer_state)
        return _stacked(advanced)

    def query(self, state: NetworkState) -> Tensor:
        """Return the projected output of the top layer, (B, E)."""
        hidden, top = state[0], self.config.layers - 1  # (B, L, H)
        summed = range(self.config.layers) if self.config.residual else [top]
        outputs = [self.norms[layer](hidden[:, layer]) for layer in summed]  # (B, H) each
        return self.projection(sum(outputs[1:], start=outputs[0]))  # type: ignore[no-any-return]  # modules return Any

    def weights_of(self, layer: int) -> list[nn.Parameter]:
        """Return a layer's weights and biases in torch's order: input, hidden, and the same of the biases."""
        return list(self.layers[layer].parameters())

    def _layer_output(self, layer: int, hidden: Tensor, below: Tensor) -> Tensor:
        """Return what a layer hands on, (..., H), given its hidden state and what it was fed."""
        output: Tensor = self.norms[layer](hidden)
        return output + below if self.config.residual and layer else output


def _of_layer(state: NetworkState, layer: int) -> NetworkState:
    return tuple(tensor[:, layer] for tensor in state)


def _stacked(layers: Sequence[NetworkState]) -> NetworkState:
    return tuple(torch.stack(tensors, dim=1) for tensors in zip(*layers, strict=True))
