"""`NextItemLSTM` as the exporter asks for it."""

from collections.abc import Mapping

from torch import Tensor, nn

from export.recurrent_network import TorchState
from models.next_item_lstm import NextItemLSTM


class LSTMNetwork(nn.Module):
    """A `DotProductNetwork` whose state is the LSTM's `hidden` and `cell`, each (B, L, H).

    Args:
        network: The trained network; it is put in evaluation mode, where nothing is dropped out.
    """

    def __init__(self, network: NextItemLSTM) -> None:
        super().__init__()
        self.network = network.eval()

    @property
    def state_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """`hidden` and `cell`, (L, H)."""
        shape = (self.network.config.layers, self.network.config.hidden_size)
        return {"hidden": shape, "cell": shape}

    @property
    def feature_width(self) -> int:
        """F."""
        return self.network.config.feature_width

    @property
    def item_table(self) -> Tensor:
        """The output table, (V, E)."""
        return self.network.output_table

    @property
    def item_offset(self) -> Tensor:
        """Each item's bias, (V,)."""
        return self.network.output_bias

    def query(self, state: TorchState) -> Tensor:
        """Project the top layer's hidden state, (B, E)."""
        hidden, _ = state
        return self.network.projection(hidden[:, -1])  # type: ignore[no-any-return]

    def step(self, item_index: Tensor, features: Tensor, state: TorchState) -> TorchState:
        """Advance B users by one click each."""
        hidden, cell = state
        return self.network.step(item_index, features, hidden, cell)

    def scores(self, state: TorchState) -> Tensor:
        """Score the catalogue, (B, V)."""
        hidden, _ = state
        return self.network.scores(hidden)

    def sequence_scores(self, item_index: Tensor, features: Tensor) -> Tensor:
        """Score the catalogue after each click, (B, T, V)."""
        output, _ = self.network(item_index, features, self.network.initial_state(len(item_index)))
        return self.network.item_scores(output)
