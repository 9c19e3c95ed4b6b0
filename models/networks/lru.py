"""`lru`: blocks of linear recurrent units, as in LRURec (Yue et al., WSDM 2024). Legend in the package.

    x_0 = norm(dropout(embedding))
    x   = norm(x + dropout(recurrence(x)))          a block: twice a residual connection, normalised behind it
    x   = norm(x + feed_forward(x))

The output is that of the last block. With its residual connections it is a function of the newest click itself and not
of the recurrent state alone, so the state keeps it too: ranking reads nothing else.
"""

from collections.abc import Sequence
from typing import cast

import msgspec
import torch
from torch import Tensor, nn

from models.bounds import AtLeastOne, AtLeastZero, ProperFraction
from models.networks.feed_forward import FeedForward
from models.networks.item_table import DotProductSequenceNetwork, ItemTable
from models.networks.linear_recurrence import ComplexPair, LinearRecurrence
from models.networks.repeat_offset import RepeatOffset, with_repeats
from models.networks.sequence_network import NetworkInputs, NetworkState

# What the published code draws its weights from: a normal distribution of this deviation, cut off at twice that.
FIRST_WEIGHTS_STD = 0.02


class LRUConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="lru"):
    """`[network]` with `kind = "lru"`; the sizes are those that were published.

    Attributes:
        embedding_size: E.
        hidden_size: H, complex units of a layer.
        layers: L, blocks.
        feed_forward_size: Between the two layers of a block's feed-forward network.
        dropout: Share of components that is zeroed in training: of embeddings and in the feed-forward networks.
        recurrence_dropout: The same of what a recurrence gives.
        tied: Score against the embedding of the input; false gives the output a table of its own.
        smallest_radius: |lambda| begins between the two.
        largest_radius: See `LinearRecurrence`.
        repeat_window: How many of the last items get a learned score of their own, see `RepeatOffset`; 0: none.
    """

    embedding_size: AtLeastOne = 64
    hidden_size: AtLeastOne = 128
    layers: AtLeastOne = 2
    feed_forward_size: AtLeastOne = 256
    dropout: ProperFraction = 0.2
    recurrence_dropout: ProperFraction = 0.2
    tied: bool = True
    smallest_radius: ProperFraction = 0.8
    largest_radius: ProperFraction = 0.99
    repeat_window: AtLeastZero = 0

    def __post_init__(self) -> None:
        if self.smallest_radius >= self.largest_radius:
            raise ValueError(
                f"smallest_radius {self.smallest_radius} is not below largest_radius {self.largest_radius}"
            )

    def build(self, inputs: NetworkInputs) -> DotProductSequenceNetwork | RepeatOffset:
        """Return a network with its first weights."""
        return with_repeats(LRUNetwork(self, inputs), self.repeat_window)


class LRUBlock(nn.Module):
    """A recurrence and a feed-forward network, each with its residual connection and its norm.

    Args:
        config: Its sizes.
    """

    def __init__(self, config: LRUConfig) -> None:
        super().__init__()
        size = config.embedding_size
        self.recurrence = LinearRecurrence(
            size,
            config.hidden_size,
            smallest_radius=config.smallest_radius,
            largest_radius=config.largest_radius,
        )
        self.feed_forward = FeedForward(size, config.feed_forward_size, dropout=config.dropout)
        self.dropout = nn.Dropout(config.recurrence_dropout)
        self.recurrence_norm = nn.LayerNorm(size)
        self.feed_forward_norm = nn.LayerNorm(size)

    def output(self, below: Tensor, hidden: ComplexPair) -> Tensor:
        """Return what the block hands on, (..., E), given its input and its recurrence after it, (..., H)."""
        mixed = self.recurrence_norm(below + self.dropout(self.recurrence.output(hidden)))
        output: Tensor = self.feed_forward_norm(mixed + self.feed_forward(mixed))
        return output


class LRUNetwork(DotProductSequenceNetwork):
    """Its state is `real` and `imaginary`, (B, L, H) each, and the newest `output`, (B, E).

    Args:
        config: Its shape.
        inputs: What the data decides; with features a linear layer brings embedding and features to E.
    """

    items: ItemTable

    def __init__(self, config: LRUConfig, inputs: NetworkInputs) -> None:
        # The dropout of embeddings has its place before a norm of their own, behind the features.
        items = ItemTable(inputs.item_count, config.embedding_size, dropout=0.0, tied=config.tied)
        super().__init__(inputs, items)
        self.config = config
        size = config.embedding_size
        self.joined = nn.Linear(size + inputs.feature_width, size) if inputs.feature_width else nn.Identity()
        self.dropout = nn.Dropout(config.dropout)
        self.norm = nn.LayerNorm(size)
        self.blocks = nn.ModuleList([LRUBlock(config) for _ in range(config.layers)])
        self._draw_first_weights()

    @property
    def state_shapes(self) -> dict[str, tuple[int, ...]]:
        """`real`, `imaginary` and `output`."""
        of_layers = (self.config.layers, self.config.hidden_size)
        return {"real": of_layers, "imaginary": of_layers, "output": (self.config.embedding_size,)}

    def forward(self, item_index: Tensor, features: Tensor, state: NetworkState) -> tuple[Tensor, NetworkState]:
        """Step through whole sequences, see `SequenceNetwork`."""
        below = self._embedded(item_index, features)  # (B, T, E)
        advanced = []
        for layer, block in enumerate(self._layers):
            hidden = block.recurrence(below, _of_layer(state, layer))  # (B, T, H) each
            below = block.output(below, hidden)
            advanced.append(ComplexPair(hidden.real[:, -1], hidden.imaginary[:, -1]))
        return below, _state(advanced, below[:, -1])

    def step(self, item_index: Tensor, features: Tensor, state: NetworkState) -> NetworkState:
        """Advance users by one click each, see `SequenceNetwork`."""
        below = self._embedded(item_index, features)  # (B, E)
        advanced = []
        for layer, block in enumerate(self._layers):
            hidden = block.recurrence.step(below, _of_layer(state, layer))  # (B, H) each
            below = block.output(below, hidden)
            advanced.append(hidden)
        return _state(advanced, below)

    def query(self, state: NetworkState) -> Tensor:
        """Return the newest output, (B, E)."""
        return state[2]

    @property
    def _layers(self) -> Sequence[LRUBlock]:
        return cast("Sequence[LRUBlock]", self.blocks)

    def _embedded(self, item_index: Tensor, features: Tensor) -> Tensor:
        embedded: Tensor = self.norm(self.dropout(self.joined(self.items(item_index, features))))
        return embedded

    def _draw_first_weights(self) -> None:
        """Draw all but the norms and what `LinearRecurrence` has drawn."""
        for name, parameter in self.named_parameters():
            if "norm" not in name and not name.endswith("_log"):
                bound = 2.0 * FIRST_WEIGHTS_STD
                nn.init.trunc_normal_(parameter, std=FIRST_WEIGHTS_STD, a=-bound, b=bound)


def _of_layer(state: NetworkState, layer: int) -> ComplexPair:
    """Return a layer's hidden state, (B, H) each."""
    return ComplexPair(state[0][:, layer], state[1][:, layer])


def _state(layers: list[ComplexPair], output: Tensor) -> NetworkState:
    real = torch.stack([hidden.real for hidden in layers], dim=1)
    return real, torch.stack([hidden.imaginary for hidden in layers], dim=1), output
