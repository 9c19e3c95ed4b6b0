"""`gru`: gated recurrent units (Cho et al., 2014), as in GRU4Rec (Hidasi et al., 2016). Legend in the package."""

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.bounds import ProperFraction
from models.networks.item_table import DotProductSequenceNetwork, ItemTable
from models.networks.recurrent_stack import RecurrentConfig, RecurrentStack
from models.networks.repeat_offset import RepeatOffset, with_repeats
from models.networks.sequence_network import NetworkInputs, NetworkState


class GRUConfig(RecurrentConfig, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="gru"):
    """`[network]` with `kind = "gru"`.

    Attributes:
        state_dropout: Share of every layer's hidden state that is zeroed in training, in its output and in what goes on
            to the next click alike, as official GRU4Rec does; `output_dropout` is for the output alone.
        first_weights: `default`, torch's own and item vectors of about unit length; `glorot`, uniform in
            +- sqrt(6 / (rows + columns)), each gate a matrix of its own, biases 0 (Glorot and Bengio, 2010): item
            vectors then begin the smaller the more items there are.
    """

    state_dropout: ProperFraction = 0.0
    first_weights: Literal["default", "glorot"] = "default"

    def build(self, inputs: NetworkInputs) -> DotProductSequenceNetwork | RepeatOffset:
        """Return a network with its first weights."""
        return with_repeats(GRUNetwork(self, inputs), self.repeat_window)


class GRUNetwork(RecurrentStack):
    """Its state is `hidden`, (B, L, H): half of an LSTM's."""

    config: GRUConfig
    items: ItemTable

    def __init__(self, config: GRUConfig, inputs: NetworkInputs) -> None:
        super().__init__(config, inputs, config.build_items(inputs.item_count), nn.GRU)
        if config.first_weights == "glorot":
            self._draw_glorot()

    @property
    def state_names(self) -> Sequence[str]:
        """`hidden`."""
        return ("hidden",)

    def run_layer(self, layer: int, below: Tensor, state: NetworkState) -> tuple[Tensor, NetworkState]:
        """Run one layer over sequences, see `RecurrentStack`."""
        hidden = state[0][None].contiguous()  # (1, B, H)
        if not (self.training and self.config.state_dropout):
            outputs, hidden = self.layers[layer](below, hidden)
            return outputs, (hidden[0],)
        dropped = []
        for click in range(below.shape[1]):
            _, hidden = self.layers[layer](below[:, click, None], hidden)
            hidden = functional.dropout(hidden, self.config.state_dropout)
            dropped.append(hidden[0])
        return torch.stack(dropped, dim=1), (hidden[0],)

    def step_layer(self, layer: int, below: Tensor, state: NetworkState) -> NetworkState:
        """Apply the equations of `torch.nn.GRU` once."""
        (hidden,) = state
        weight_input, weight_hidden, bias_input, bias_hidden = self.weights_of(layer)
        of_input = functional.linear(below, weight_input, bias_input)  # (B, 3 H)
        of_hidden = functional.linear(hidden, weight_hidden, bias_hidden)  # (B, 3 H)
        reset_input, update_input, candidate_input = of_input.chunk(3, dim=-1)  # each (B, H)
        reset_hidden, update_hidden, candidate_hidden = of_hidden.chunk(3, dim=-1)
        update = torch.sigmoid(update_input + update_hidden)
        candidate = torch.tanh(candidate_input + torch.sigmoid(reset_input + reset_hidden) * candidate_hidden)
        return ((1.0 - update) * candidate + update * hidden,)

    def _draw_glorot(self) -> None:
        """Draw all matrices again, and set the layers' biases to 0."""
        tables = [self.items.embedding.weight, self.items.untied_table]
        matrices = [table for table in tables if table is not None]
        for layer in range(self.config.layers):
            weight_input, weight_hidden, *biases = self.weights_of(layer)
            matrices += [*weight_input.chunk(3), *weight_hidden.chunk(3)]
            for bias in biases:
                nn.init.zeros_(bias)
        for matrix in matrices:
            bound = math.sqrt(6.0 / sum(matrix.shape))
            # A gate is a view of a weight, which autograd does not let anyone change in place.
            matrix.detach().uniform_(-bound, bound)
