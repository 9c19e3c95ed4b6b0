"""`attention`: self-attention over the last clicks, after SASRec (Kang and McAuley, 2018). Legend in the package.

    x_0 = dropout(sqrt(E) * embedding)
    x   = x + dropout(attention(norm(x)))           a block, normalised before each part (Xiong et al., 2020)
    x   = x + feed_forward(norm(x))
    output = norm(x)

The state is a ring of the newest items; the output is computed from it anew whenever a list is asked for. Each of L
blocks looks at the last W clicks, so that an output depends on the last R = L (W - 1) + 1 clicks and on nothing before
them: the ring holds that many, and what is computed from it is exactly what the pass over a whole session gives,
however long that is. Up to W clicks that is SASRec's attention over all of them, with relative positions in the place
of absolute ones.
"""

from collections.abc import Sequence
from typing import cast

import msgspec
import torch
from torch import Tensor, nn

from models.bounds import AtLeastOne, AtLeastZero, ProperFraction
from models.errors import SettingsError
from models.networks.feed_forward import FeedForward
from models.networks.item_table import DotProductSequenceNetwork, ItemTable
from models.networks.repeat_offset import RepeatOffset, with_repeats
from models.networks.sequence_network import NetworkInputs, NetworkState
from models.networks.window_attention import WindowAttention


class AttentionConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="attention"):
    """`[network]` with `kind = "attention"`.

    Attributes:
        embedding_size: E.
        heads: Attention heads, a divisor of E.
        layers: L, blocks.
        window: W, clicks that a block looks at.
        feed_forward_size: Between the two layers of a block's feed-forward network.
        dropout: Share of components that is zeroed in training: of embeddings and of what the parts of a block give.
        attention_dropout: The same of attention weights.
        tied: Score against the embedding of the input; false gives the output a table of its own.
        repeat_window: How many of the last items get a learned score of their own, see `RepeatOffset`; 0: none.
    """

    embedding_size: AtLeastOne = 64
    heads: AtLeastOne = 2
    layers: AtLeastOne = 2
    window: AtLeastOne = 25
    feed_forward_size: AtLeastOne = 256
    dropout: ProperFraction = 0.2
    attention_dropout: ProperFraction = 0.2
    tied: bool = True
    repeat_window: AtLeastZero = 0

    def __post_init__(self) -> None:
        if self.embedding_size % self.heads:
            raise ValueError(f"embedding_size {self.embedding_size} is no multiple of heads {self.heads}")

    @property
    def ring_length(self) -> int:
        """R, the clicks that an output depends on."""
        return self.layers * (self.window - 1) + 1

    def build(self, inputs: NetworkInputs) -> DotProductSequenceNetwork | RepeatOffset:
        """Return a network with its first weights.

        Raises:
            SettingsError: If clicks have features.
        """
        if inputs.feature_width:
            raise SettingsError(
                "A network of kind attention keeps a ring of items and knows nothing else of a click: leave `features` "
                "out of the configuration, or take another kind."
            )
        return with_repeats(AttentionNetwork(self, inputs), self.repeat_window)


class AttentionBlock(nn.Module):
    """Attention and a feed-forward network, each with its norm and its residual connection.

    Args:
        config: Its sizes.
    """

    def __init__(self, config: AttentionConfig) -> None:
        super().__init__()
        size = config.embedding_size
        self.attention_norm = nn.LayerNorm(size)
        self.attention = WindowAttention(size, config.heads, config.window, dropout=config.attention_dropout)
        self.dropout = nn.Dropout(config.dropout)
        self.feed_forward_norm = nn.LayerNorm(size)
        self.feed_forward = FeedForward(size, config.feed_forward_size, dropout=config.dropout)

    def forward(self, below: Tensor, is_click: Tensor) -> Tensor:
        """Return the block's output where it sees a whole window: (B, N, E) -> (B, N - W + 1, E)."""
        looked = self.attention(self.attention_norm(below), is_click)
        mixed = below[:, -looked.shape[1] :] + self.dropout(looked)
        output: Tensor = mixed + self.feed_forward(self.feed_forward_norm(mixed))
        return output


class AttentionNetwork(DotProductSequenceNetwork):
    """Its state is `ring`, (B, R): the rows of the newest items plus one, the newest last, 0 where there is none yet.

    Args:
        config: Its shape.
        inputs: What the data decides; no features.
    """

    items: ItemTable

    def __init__(self, config: AttentionConfig, inputs: NetworkInputs) -> None:
        items = ItemTable(inputs.item_count, config.embedding_size, dropout=0.0, tied=config.tied)
        super().__init__(inputs, items)
        self.config = config
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList([AttentionBlock(config) for _ in range(config.layers)])
        self.norm = nn.LayerNorm(config.embedding_size)
        items.initialise()

    @property
    def state_shapes(self) -> dict[str, tuple[int, ...]]:
        """`ring`."""
        return {"ring": (self.config.ring_length,)}

    @property
    def row_number_tensors(self) -> frozenset[str]:
        """`ring`."""
        return frozenset(("ring",))

    def forward(self, item_index: Tensor, features: Tensor, state: NetworkState) -> tuple[Tensor, NetworkState]:
        """Step through whole sequences, see `SequenceNetwork`."""
        del features  # of width 0
        clicks = torch.cat((state[0], (item_index + 1).to(state[0].dtype)), dim=1)  # (B, R + T)
        # The first click's window begins with the second place of the ring: the click pushes the oldest item out.
        return self._outputs(clicks[:, 1:]), (clicks[:, -self.config.ring_length :],)

    def step(self, item_index: Tensor, features: Tensor, state: NetworkState) -> NetworkState:
        """Advance users by one click each, see `SequenceNetwork`."""
        del features
        return (torch.cat((state[0][:, 1:], (item_index + 1).to(state[0].dtype)[:, None]), dim=1),)

    def query(self, state: NetworkState) -> Tensor:
        """Compute the output after the newest click from the ring, (B, E)."""
        return self._outputs(state[0])[:, 0]

    def _outputs(self, clicks: Tensor) -> Tensor:
        """Return the outputs after all clicks but the first R - 1, (B, R - 1 + T) rows plus one -> (B, T, E)."""
        is_click = clicks > 0
        embedded = self.items.embedding(clicks.long().sub(1).clamp(min=0)) * is_click[..., None]
        below = self.dropout(embedded * self.config.embedding_size**0.5)  # (B, R - 1 + T, E)
        for block in cast("Sequence[AttentionBlock]", self.blocks):
            above: Tensor = block(below, is_click)
            below, is_click = above, is_click[:, -above.shape[1] :]
        output: Tensor = self.norm(below)
        return output
