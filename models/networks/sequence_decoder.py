"""An LSTM that writes the items to come, one after the other. Legend in the package.

It begins from what an encoder made of the clicks so far (Sutskever, Vinyals and Le, 2014), is fed a learned vector
first and then each item that it wrote; what it gives at each step is compared with the items.
"""

import torch
from torch import Tensor, nn

from models.networks.lstm import lstm_step
from models.networks.sequence_network import NetworkState


class SequenceDecoder(nn.Module):
    """The decoder.

    Args:
        size: E, of the encoder's output, of items and of what is compared with them.
        hidden_size: H.
        dropout: Share of what is compared with the items that is zeroed in training.
    """

    def __init__(self, size: int, hidden_size: int, *, dropout: float) -> None:
        super().__init__()
        self.first_hidden = nn.Linear(size, hidden_size)
        self.first_cell = nn.Linear(size, hidden_size)
        self.start = nn.Parameter(torch.zeros(size))
        self.layer = nn.LSTM(size, hidden_size, batch_first=True)
        self.projection = nn.Linear(hidden_size, size, bias=False)
        self.dropout = nn.Dropout(dropout)

    def begin(self, encoded: Tensor) -> tuple[Tensor, NetworkState]:
        """Take the first step from encoders' outputs, (N, E); returns what `step` does."""
        state = torch.tanh(self.first_hidden(encoded)), self.first_cell(encoded)
        return self.step(self.start.expand(encoded.shape[0], -1), state)

    def step(self, written: Tensor, state: NetworkState) -> tuple[Tensor, NetworkState]:
        """Take the next step after items, (N, E), were written.

        Returns:
            What is compared with the items, (N, E), and the state after it, (N, H) each.
        """
        hidden, cell = lstm_step(written, state[0], state[1], list(self.layer.parameters()))
        return self.projection(hidden), (hidden, cell)

    def forward(self, encoded: Tensor, written: Tensor) -> Tensor:
        """Take M steps at once where the items of the first M - 1 are given (teacher forcing).

        Args:
            encoded: (N, E).
            written: (N, M - 1, E).

        Returns:
            What is compared with the items at each step, (N, M, E).
        """
        state = torch.tanh(self.first_hidden(encoded))[None], self.first_cell(encoded)[None]
        fed = torch.cat((self.start.expand(len(encoded), 1, -1), written), dim=1)
        hidden, _ = self.layer(fed, state)
        output: Tensor = self.projection(self.dropout(hidden))
        return output
