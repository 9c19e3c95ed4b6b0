"""`popularity`: the same list for everybody, the items most clicked. Legend in the package."""

from collections.abc import Mapping

import msgspec
import torch
from torch import Tensor

from models.items.item_counts import item_popularity
from models.networks.counted_network import CountedNetwork, log_popularity
from models.networks.sequence_network import NetworkInputs, NetworkState
from models.sequences.encoded_sessions import EncodedSessions


class PopularityConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="popularity"):
    """`[network]` with `kind = "popularity"`."""

    def build(self, inputs: NetworkInputs) -> "PopularityNetwork":
        """Return a network that has counted nothing yet."""
        return PopularityNetwork(inputs, half_life_ms=None)


class PopularityNetwork(CountedNetwork):
    """Counts clicks, and knows of a user only that there is one.

    Its state is one number, 1 after any click, because no worker keeps a state of nothing: a user whose state is zeros
    has clicked nothing that the model knows.

    Args:
        inputs: What the data decides.
        half_life_ms: After which time a click counts half; None: all count alike.
    """

    def __init__(self, inputs: NetworkInputs, *, half_life_ms: float | None) -> None:
        super().__init__(inputs)
        self._half_life_ms = half_life_ms

    @property
    def state_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """`clicked`."""
        return {"clicked": (1,)}

    def fit(self, sessions: EncodedSessions) -> None:
        """Count the clicks on every item."""
        counts = item_popularity(sessions, self.inputs.item_count, half_life_ms=self._half_life_ms)
        self.log_popularity.copy_(log_popularity(counts))

    def forward(self, item_index: Tensor, features: Tensor, state: NetworkState) -> tuple[Tensor, NetworkState]:
        """Step through whole sequences, see `SequenceNetwork`."""
        del features, state
        clicked = torch.ones(*item_index.shape, 1, device=item_index.device)  # (B, T, 1)
        return clicked, (clicked[:, -1],)

    def step(self, item_index: Tensor, features: Tensor, state: NetworkState) -> NetworkState:
        """Advance users by one click each, see `SequenceNetwork`."""
        del item_index, features
        return (torch.ones_like(state[0]),)

    def output_of(self, state: NetworkState) -> Tensor:
        """Return the state itself, (B, 1)."""
        return state[0]
