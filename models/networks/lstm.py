"""`lstm`: long short-term memory (Hochreiter and Schmidhuber, 1997). Legend in the package."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.networks.item_table import DotProductSequenceNetwork, ItemSide, ItemTable
from models.networks.recurrent_stack import RecurrentConfig, RecurrentStack, StackConfig
from models.networks.repeat_offset import RepeatOffset, with_repeats
from models.networks.sequence_network import NetworkInputs, NetworkState


class LSTMConfig(RecurrentConfig, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="lstm"):
    """`[network]` with `kind = "lstm"`."""

    def build(self, inputs: NetworkInputs) -> DotProductSequenceNetwork | RepeatOffset:
        """Return a network with its first weights."""
        return with_repeats(LSTMNetwork(self, inputs), self.repeat_window)


class LSTMStack(RecurrentStack):
    """LSTM layers over items of any kind; the state is `hidden` and `cell`, each (B, L, H).

    Args:
        config: The stack's shape.
        inputs: What the data decides.
        items: The items' side.
    """

    def __init__(self, config: StackConfig, inputs: NetworkInputs, items: ItemSide) -> None:
        super().__init__(config, inputs, items, nn.LSTM)

    @property
    def state_names(self) -> Sequence[str]:
        """`hidden` and `cell`."""
        return ("hidden", "cell")

    def run_layer(self, layer: int, below: Tensor, state: NetworkState) -> tuple[Tensor, NetworkState]:
        """Run one layer over sequences, see `RecurrentStack`."""
        hidden, cell = state  # (B, H) each
        outputs, (hidden, cell) = self.layers[layer](below, (hidden[None].contiguous(), cell[None].contiguous()))
        return outputs, (hidden[0], cell[0])

    def step_layer(self, layer: int, below: Tensor, state: NetworkState) -> NetworkState:
        """Apply the equations of `torch.nn.LSTM` once."""
        hidden, cell = state
        return lstm_step(below, hidden, cell, self.weights_of(layer))


def lstm_step(below: Tensor, hidden: Tensor, cell: Tensor, weights: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Apply the equations of `torch.nn.LSTM` once, written out so that they export to plain matrix products.

    Args:
        below: The layer's input, (B, ...).
        hidden: (B, H).
        cell: (B, H).
        weights: Input's and hidden's weights, then their biases: torch's order.

    Returns:
        `hidden` and `cell` after it.
    """
    weight_input, weight_hidden, bias_input, bias_hidden = weights
    gates = functional.linear(below, weight_input, bias_input)  # (B, 4 H)
    gates = gates + functional.linear(hidden, weight_hidden, bias_hidden)
    input_gate, forget_gate, candidate, output_gate = gates.chunk(4, dim=-1)  # each (B, H)
    cell_next = torch.sigmoid(forget_gate) * cell + torch.sigmoid(input_gate) * torch.tanh(candidate)
    return torch.sigmoid(output_gate) * torch.tanh(cell_next), cell_next


class LSTMNetwork(LSTMStack):
    """LSTM layers over a table of items."""

    config: LSTMConfig
    items: ItemTable

    def __init__(self, config: LSTMConfig, inputs: NetworkInputs) -> None:
        super().__init__(config, inputs, config.build_items(inputs.item_count))
