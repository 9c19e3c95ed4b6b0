"""A learned score of its own for each of the user's last items: people come back to what they have just seen.

A recurrent state knows roughly what was clicked; to list one of these items again it must point at it through its
embedding, and so raises whatever resembles it. RepeatNet (Ren et al., AAAI 2019) splits the probability between
repeating and exploring; here the repetition is an addition to the logits:

    score(item) += sum over k of [item is the k-th last click] (w_k output + b_k)

Legend as in the package, and R items that are looked back to.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from models.networks.item_ring import advanced_ring, rings_after
from models.networks.item_table import DotProductSequenceNetwork
from models.networks.score_additions import ScoreAdditions
from models.networks.sequence_network import NetworkState, SequenceNetwork


class RepeatOffset(SequenceNetwork):
    """A network, and what it adds to the scores of the last R items.

    The state is the network's own and a ring of row numbers; the output is the network's own with the ring behind it.

    Args:
        network: Whose scores are added to.
        window: R.
    """

    def __init__(self, network: DotProductSequenceNetwork, window: int) -> None:
        super().__init__(network.inputs)
        self.network = network
        self.window = window
        self.repeats = nn.Linear(network.item_table.shape[1], window)
        # Nothing is added before anything is learned.
        nn.init.zeros_(self.repeats.weight)
        nn.init.zeros_(self.repeats.bias)

    @property
    def state_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The network's own, and `last_items`."""
        return {**self.network.state_shapes, "last_items": (self.window,)}

    @property
    def row_number_tensors(self) -> frozenset[str]:
        """The network's own, and `last_items`."""
        return self.network.row_number_tensors | {"last_items"}

    @property
    def item_table(self) -> Tensor:
        """The network's own, (V, E)."""
        return self.network.item_table

    @property
    def item_offset(self) -> Tensor:
        """The network's own, (V,)."""
        return self.network.item_offset

    def forward(self, item_index: Tensor, features: Tensor, state: NetworkState) -> tuple[Tensor, NetworkState]:
        """Step through whole sequences, see `SequenceNetwork`; the output is (B, T, E + R)."""
        *own, ring = state
        output, advanced = self.network(item_index, features, tuple(own))
        rings = rings_after(ring, item_index)  # (B, T, R)
        return torch.cat((output, rings), dim=-1), (*advanced, rings[:, -1])

    def step(self, item_index: Tensor, features: Tensor, state: NetworkState) -> NetworkState:
        """Advance users by one click each, see `SequenceNetwork`."""
        *own, ring = state
        return (*self.network.step(item_index, features, tuple(own)), advanced_ring(ring, item_index))

    def query(self, state: NetworkState) -> Tensor:
        """Return the network's own, (B, E)."""
        return self.network.query(state[:-1])

    def output_of(self, state: NetworkState) -> Tensor:
        """Return the network's output and the ring, (B, E + R)."""
        return torch.cat((self.query(state), state[-1]), dim=-1)

    def additions(self, state: NetworkState) -> ScoreAdditions:
        """Return what is added to the last items' scores, A = R."""
        return self._additions(self.query(state), state[-1])

    def item_scores(self, output: Tensor) -> Tensor:
        """Score the whole catalogue for outputs, (N, E + R) -> (N, V)."""
        own, ring = output[:, : -self.window], output[:, -self.window :]
        return self._additions(own, ring).added_to(self.network.item_scores(own))

    def _additions(self, output: Tensor, ring: Tensor) -> ScoreAdditions:
        """Return what is added by outputs, (N, E), and the rings after the same clicks, (N, R)."""
        return ScoreAdditions(ring.long() - 1, self.repeats(output) * (ring > 0))


def with_repeats(network: DotProductSequenceNetwork, window: int) -> DotProductSequenceNetwork | RepeatOffset:
    """Return a network that adds to the scores of the last items, or the network itself for a window of 0."""
    return RepeatOffset(network, window) if window else network
