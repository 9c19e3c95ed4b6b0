"""The network of `rating_lstm`: an LSTM over (item, rating) pairs that predicts ratings. Legend in the package.

A prediction is mean + b_i + l_u + q_i . p_u: matrix factorisation (Koren, Bell and Volinsky, 2009, equation 4) whose
user, the level l_u and the vector p_u, is what an LSTM makes of his ratings so far (as Wu et al., WSDM'17, have it). As
a dot product with an item's vector and a one behind it, it is ranked and exported like any other: the items with the
highest predicted rating are listed. Without a rating so far p_u and l_u are zero.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from models.networks.item_table import ItemTable
from models.networks.lstm import LSTMConfig, LSTMStack
from models.networks.sequence_network import NetworkInputs
from models.sequences.features import Value


class RatedItems(ItemTable):
    """Items with a bias, fed with how much higher each was rated than the item usually is.

    Args:
        config: E and the dropout.
        rating: How the feature was normalised.
        item_bias: Where the biases begin: the deviation of each item's mean from that of all, (V,).
    """

    def __init__(self, config: LSTMConfig, rating: Value, item_bias: Tensor) -> None:
        super().__init__(len(item_bias), config.embedding_size, dropout=config.embedding_dropout, tied=True)
        self.deviation = rating.std
        self.first_bias = item_bias

    def initialise(self) -> None:
        """Draw the vectors; the biases begin where they were said to."""
        super().initialise()
        with torch.no_grad():
            self.output_bias.copy_(self.first_bias)

    def forward(self, item_index: Tensor, features: Tensor) -> Tensor:
        """Return item vectors and surprises, (..., E + 1)."""
        usual = self.output_bias[item_index][..., None] / self.deviation
        return super().forward(item_index, features - usual)


class RatingLSTMNetwork(LSTMStack):
    """Its state is an LSTM's; its one feature is the click's rating, normalised.

    Args:
        config: Its shape.
        rating: How ratings are normalised.
        item_bias: Where the items' biases begin: the deviation of each item's mean from that of all, (V,).
        memory: About how many ratings the cells are to remember, at first.
    """

    items: RatedItems

    def __init__(self, config: LSTMConfig, rating: Value, item_bias: Tensor, memory: int) -> None:
        inputs = NetworkInputs(len(item_bias), feature_width=1)
        super().__init__(config, inputs, RatedItems(config, rating, item_bias))
        self.register_buffer("mean", torch.tensor(rating.mean))
        self.mean: Tensor
        for layer in range(config.layers):
            remember(self.weights_of(layer), memory)
        # Begins as the item's mean alone; no bias of its own, so that a user without ratings stays at zero.
        self.projection = nn.Linear(config.hidden_size, config.embedding_size + 1, bias=False)
        nn.init.zeros_(self.projection.weight)

    @property
    def item_table(self) -> Tensor:
        """Each item's vector and a one, (V, E + 1)."""
        table = self.items.output_table
        return torch.cat((table, torch.ones_like(table[:, :1])), dim=1)

    @property
    def item_offset(self) -> Tensor:
        """The mean and each item's bias, (V,)."""
        return self.items.output_bias + self.mean

    def ratings(self, output: Tensor, item_index: Tensor) -> Tensor:
        """Predict a rating for each of N outputs and items, (N, E + 1) and (N,) -> (N,)."""
        own = (output[:, :-1] * self.items.output_rows(item_index)).sum(dim=1)
        return own + output[:, -1] + self.item_offset[item_index]


def remember(weights: Sequence[nn.Parameter], memory: int) -> None:
    """Let an LSTM's cells remember from 1 to so many clicks at first (Tallec and Ollivier, 2018, section 2).

    With torch's own first weights a cell forgets half of what it holds at every click, and a user's level is a mean
    over many.
    """
    *_, bias_input, bias_hidden = weights
    size = len(bias_input) // 4
    span = torch.empty(size).uniform_(1.0, max(2.0, memory - 1.0)).log()
    with torch.no_grad():
        bias_hidden[: 2 * size] = 0.0
        bias_input[:size] = -span
        bias_input[size : 2 * size] = span
