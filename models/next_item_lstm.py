"""The network: an LSTM over a session's clicks whose output is compared with every item's embedding.

Legend, here and wherever a shape stands beside a tensor:

    B  sessions (users) in the batch      L  LSTM layers
    T  clicks of a sequence               H  hidden size
    F  feature columns                    E  embedding size
    V  items                              N  clicks that are scored together
"""

from typing import NamedTuple

import msgspec
import torch
from torch import Tensor, nn
from torch.nn import functional


class NextItemLSTMConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The network's shape: what must be known to build it again around its weights.

    Attributes:
        item_count: V.
        embedding_size: E.
        hidden_size: H.
        layers: L.
        embedding_dropout: Share of the embedding's components that is zeroed in training.
        output_dropout: The same for the top layer's output, and between layers.
        feature_width: F.
        tied: Score against the embedding of the input; false gives the output a table of its own.
    """

    item_count: int
    embedding_size: int = 128
    hidden_size: int = 128
    layers: int = 1
    embedding_dropout: float = 0.0
    output_dropout: float = 0.0
    feature_width: int = 0
    tied: bool = True


class LstmState(NamedTuple):
    """A user's state after a click: an argument and a result, never held by the network.

    Attributes:
        hidden: (B, L, H).
        cell: (B, L, H).
    """

    hidden: Tensor
    cell: Tensor


class NextItemLSTM(nn.Module):
    """Item embedding and features -> LSTM -> scores of all items.

    The output layer is tied to the embedding (Press and Wolf, 2017; GRU4Rec calls it a constrained embedding): an item
    is scored by the dot product of its embedding with the LSTM's output, plus a bias of its own. Where the hidden size
    is not the embedding size, a linear projection lies between.
    """

    def __init__(self, config: NextItemLSTMConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.item_count, config.embedding_size)
        self.embedding_dropout = nn.Dropout(config.embedding_dropout)
        self.lstm = nn.LSTM(
            config.embedding_size + config.feature_width,
            config.hidden_size,
            num_layers=config.layers,
            batch_first=True,
            dropout=config.output_dropout if config.layers > 1 else 0.0,
        )
        self.output_dropout = nn.Dropout(config.output_dropout)
        self.projection = (
            nn.Identity()
            if config.hidden_size == config.embedding_size
            else nn.Linear(config.hidden_size, config.embedding_size, bias=False)
        )
        self.untied_table = None if config.tied else nn.Parameter(torch.empty(config.item_count, config.embedding_size))
        self.output_bias = nn.Parameter(torch.zeros(config.item_count))
        self._initialise()

    def _initialise(self) -> None:
        # Unit-length rows: with torch's N(0, 1) the first scores of a tied network would be of the order of E.
        nn.init.normal_(self.embedding.weight, std=self.config.embedding_size**-0.5)
        if self.untied_table is not None:
            nn.init.normal_(self.untied_table, std=self.config.embedding_size**-0.5)

    @property
    def output_table(self) -> Tensor:
        """What outputs are compared with, (V, E): the embedding itself where the two are tied."""
        return self.embedding.weight if self.untied_table is None else self.untied_table

    def initial_state(self, batch_size: int) -> LstmState:
        """Return the state of B users who have clicked nothing: zeros."""
        shape = (batch_size, self.config.layers, self.config.hidden_size)
        return LstmState(self.output_bias.new_zeros(shape), self.output_bias.new_zeros(shape))

    def forward(self, item_index: Tensor, features: Tensor, state: LstmState) -> tuple[Tensor, LstmState]:
        """Step through whole sequences.

        Args:
            item_index: What was clicked, (B, T) int64.
            features: The clicks' features, (B, T, F).
            state: The state before the first click.

        Returns:
            The output after every click, (B, T, E), to be given to `item_scores`; and the state after the last one.
        """
        clicks = torch.cat((self.embedding_dropout(self.embedding(item_index)), features), dim=-1)  # (B, T, E + F)
        layers_first = (state.hidden.transpose(0, 1).contiguous(), state.cell.transpose(0, 1).contiguous())
        top, (hidden, cell) = self.lstm(clicks, layers_first)  # (B, T, H), (L, B, H), (L, B, H)
        output = self.projection(self.output_dropout(top))  # (B, T, E)
        return output, LstmState(hidden.transpose(0, 1), cell.transpose(0, 1))

    def step(self, item_index: Tensor, features: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """Advance users by one click each: what step.onnx computes.

        Args:
            item_index: What each clicked, (B,) int64.
            features: The clicks' features, (B, F).
            hidden: Their hidden state before the click, (B, L, H).
            cell: Their cell state before the click, (B, L, H).

        Returns:
            hidden_next and cell_next, both (B, L, H).
        """
        below = torch.cat((self.embedding(item_index), features), dim=-1)  # (B, E + F)
        hidden_next, cell_next = [], []
        for layer in range(self.config.layers):
            below, layer_cell = self._layer_step(layer, below, hidden[:, layer], cell[:, layer])  # (B, H), (B, H)
            hidden_next.append(below)
            cell_next.append(layer_cell)
        return torch.stack(hidden_next, dim=1), torch.stack(cell_next, dim=1)

    def _layer_step(self, layer: int, below: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """Apply the equations of `torch.nn.LSTM` once, written out so that they export to plain matrix products."""
        weight_input, weight_hidden, bias_input, bias_hidden = self.lstm.all_weights[layer]
        gates = functional.linear(below, weight_input, bias_input)  # (B, 4 H)
        gates = gates + functional.linear(hidden, weight_hidden, bias_hidden)
        input_gate, forget_gate, candidate, output_gate = gates.chunk(4, dim=-1)  # each (B, H)
        cell_next = torch.sigmoid(forget_gate) * cell + torch.sigmoid(input_gate) * torch.tanh(candidate)
        return torch.sigmoid(output_gate) * torch.tanh(cell_next), cell_next

    def scores(self, hidden: Tensor) -> Tensor:
        """Score the whole catalogue for users by their state: what rank.onnx computes before its top K.

        Args:
            hidden: Hidden state, (B, L, H); only the top layer's matters.

        Returns:
            Scores, (B, V).
        """
        return self.item_scores(self.projection(hidden[:, -1]))

    def item_scores(self, output: Tensor) -> Tensor:
        """Score the whole catalogue for outputs of `forward`, (N, E) -> (N, V)."""
        return functional.linear(output, self.output_table, self.output_bias)
