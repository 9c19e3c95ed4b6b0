"""`gru`: gated recurrent units (Cho et al., 2014), as in GRU4Rec (Hidasi et al., 2016). Legend in the package."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.networks.item_table import DotProductSequenceNetwork, ItemTable
from models.networks.recurrent_stack import RecurrentConfig, RecurrentStack
from models.networks.repeat_offset import RepeatOffset, with_repeats
from models.networks.sequence_network import NetworkInputs, NetworkState


class GRUConfig(RecurrentConfig, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="gru"):
    """`[network]` with `kind = "gru"`."""

    def build(self, inputs: NetworkInputs) -> DotProductSequenceNetwork | RepeatOffset:
        """Return a network with its first weights."""
        return with_repeats(GRUNetwork(self, inputs), self.repeat_window)


class GRUNetwork(RecurrentStack):
    """Its state is `hidden`, (B, L, H): half of an LSTM's."""

    config: GRUConfig
    items: ItemTable

    def __init__(self, config: GRUConfig, inputs: NetworkInputs) -> None:
        super().__init__(config, inputs, config.build_items(inputs.item_count), nn.GRU)

    @property
    def state_names(self) -> Sequence[str]:
        """`hidden`."""
        return ("hidden",)

    def run_layer(self, layer: int, below: Tensor, state: NetworkState) -> tuple[Tensor, NetworkState]:
        """Run one layer over sequences, see `RecurrentStack`."""
        outputs, hidden = self.layers[layer](below, state[0][None].contiguous())
        return outputs, (hidden[0],)

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
