"""`markov`: what was clicked after the user's last item, with back-off to popularity. Legend in the package."""

from collections.abc import Mapping

import msgspec
import torch
from torch import Tensor

from models.bounds import AtLeastOne, Positive
from models.items.item_counts import item_popularity, transition_counts
from models.networks.counted_network import CountedNetwork, hours_in_ms, log_popularity
from models.networks.item_ring import advanced_ring, rings_after
from models.networks.score_additions import ScoreAdditions, SparseRows
from models.networks.sequence_network import NetworkInputs, NetworkState
from models.networks.transition_rows import transition_rows
from models.sequences.encoded_sessions import EncodedSessions


class MarkovConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="markov"):
    """`[network]` with `kind = "markov"`.

    Attributes:
        half_life_hours: After which time a transition counts half, as seen from the last clicks; None: all
            count alike.
        popularity_half_life_hours: The same for the clicks that popularity is made of.
        prior_clicks: How many clicks by popularity an item's own successors are mixed with.
        successors: M, how many are kept of each item; the others are as likely as their popularity says.
    """

    half_life_hours: Positive | None = None
    popularity_half_life_hours: Positive | None = None
    prior_clicks: Positive = 10.0
    successors: AtLeastOne = 200

    def build(self, inputs: NetworkInputs) -> "MarkovNetwork":
        """Return a network that has counted nothing yet."""
        return MarkovNetwork(self, inputs)


class MarkovNetwork(CountedNetwork):
    """A first-order Markov chain; its scores are log-probabilities.

    Its state is the row number of the user's last item.

    Args:
        config: The chain's settings.
        inputs: What the data decides.
    """

    log_back_off: Tensor

    def __init__(self, config: MarkovConfig, inputs: NetworkInputs) -> None:
        super().__init__(inputs)
        self.config = config
        self.successors = SparseRows(inputs.item_count, min(config.successors, inputs.item_count))
        # Row 0 stands for no item: popularity is all there is.
        self.register_buffer("log_back_off", torch.zeros(inputs.item_count + 1))

    @property
    def state_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """`last_item`."""
        return {"last_item": (1,)}

    @property
    def row_number_tensors(self) -> frozenset[str]:
        """`last_item`."""
        return frozenset({"last_item"})

    def fit(self, sessions: EncodedSessions) -> None:
        """Count clicks, and transitions between neighbouring ones."""
        config, item_count = self.config, self.inputs.item_count
        clicks = item_popularity(sessions, item_count, half_life_ms=hours_in_ms(config.popularity_half_life_hours))
        self.log_popularity.copy_(log_popularity(clicks))
        rows = transition_rows(
            transition_counts(sessions, item_count, half_life_ms=hours_in_ms(config.half_life_hours)),
            self.log_popularity.cpu().double().exp().numpy(),
            prior_clicks=config.prior_clicks,
            length=self.successors.length,
        )
        self.successors.fill(rows.successors)
        self.log_back_off[1:] = torch.from_numpy(rows.log_back_off)

    def forward(self, item_index: Tensor, features: Tensor, state: NetworkState) -> tuple[Tensor, NetworkState]:
        """Step through whole sequences, see `SequenceNetwork`."""
        del features
        last_item = rings_after(state[0], item_index)  # (B, T, 1)
        return last_item, (last_item[:, -1],)

    def step(self, item_index: Tensor, features: Tensor, state: NetworkState) -> NetworkState:
        """Advance users by one click each, see `SequenceNetwork`."""
        del features
        return (advanced_ring(state[0], item_index),)

    def output_of(self, state: NetworkState) -> Tensor:
        """Return the last item's row number, (B, 1)."""
        return state[0]

    def level(self, output: Tensor) -> Tensor:
        """Return the logarithm of the back-off's weight, (N, 1)."""
        return self.log_back_off[output.long()]

    def additions(self, state: NetworkState) -> ScoreAdditions:
        """Return the last items' successors."""
        return self.successors.of(state[0])

    def scores_above_level(self, output: Tensor) -> Tensor:
        """Return log p(item | last item) without the back-off's weight, (N, 1) -> (N, V)."""
        return self.successors.of(output).added_to(super().scores_above_level(output))
