"""`item_knn`: items clicked in the same sessions as the user's last ones, by cosine.

Legend as in the package, and R the length of the ring, M the neighbours that are kept of an item.

Sarwar et al., Item-based Collaborative Filtering Recommendation Algorithms, WWW 2001, sections 3.1.1 and 3.2.1, for
clicks instead of ratings. A click weighs less with every click after it. What no neighbour reaches is in the order of
popularity behind what one does. Where order matters, `reach` counts pairs by how near they are and which came first
(the sequential rules of Ludewig and Jannach, see `models.items.item_counts.transition_counts`).
"""

from collections.abc import Mapping

import msgspec
import torch
from scipy.sparse import csr_array
from torch import Tensor

from models.bounds import AtLeastOne, NotNegative, Positive
from models.items.item_counts import cooccurrence_counts, item_popularity, nearby_counts
from models.items.item_similarity import most_similar
from models.networks.counted_network import CountedNetwork, hours_in_ms, log_popularity
from models.networks.item_ring import advanced_ring, rings_after
from models.networks.score_additions import ScoreAdditions, SparseRows
from models.networks.sequence_network import NetworkInputs, NetworkState
from models.sequences.encoded_sessions import EncodedSessions


class ItemKNNConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="item_knn"):
    """`[network]` with `kind = "item_knn"`.

    Attributes:
        last_items: R, how many of a user's last items are looked at.
        neighbours: M, how many similar items each of them leads to.
        click_decay: What a click weighs against the one after it.
        shrinkage: Added to the cosine's denominator: rare items are alike by chance.
        popularity_weight: What the logarithm of an item's popularity counts beside the cosines; a small one only orders
            what is equally similar.
        half_life_hours: After which time a training session counts half, as seen from the last clicks; None: all
            count alike.
        reach: How many clicks apart two clicks of a session still count as together, d clicks apart 1 / d; None: a
            session's items all count alike, however far apart and in whichever order.
        backward_weight: With `reach`, what is clicked before an item counts so much against what is clicked after it.
    """

    last_items: AtLeastOne = 5
    neighbours: AtLeastOne = 100
    click_decay: Positive = 0.5
    shrinkage: NotNegative = 10.0
    popularity_weight: Positive = 1e-4
    half_life_hours: Positive | None = None
    reach: AtLeastOne | None = None
    backward_weight: NotNegative = 1.0

    def __post_init__(self) -> None:
        if self.reach is None and self.backward_weight != 1.0:
            raise ValueError("backward_weight needs a reach: without one a session's items have no order")

    def build(self, inputs: NetworkInputs) -> "ItemKNNNetwork":
        """Return a network that has counted nothing yet."""
        return ItemKNNNetwork(self, inputs)


class ItemKNNNetwork(CountedNetwork):
    """Adds up the neighbours of a user's last items; the state is the ring of these, newest first.

    Args:
        config: Its settings.
        inputs: What the data decides.
    """

    weights: Tensor

    def __init__(self, config: ItemKNNConfig, inputs: NetworkInputs) -> None:
        super().__init__(inputs)
        self.config = config
        self.neighbours = SparseRows(inputs.item_count, min(config.neighbours, inputs.item_count))
        weights = config.click_decay ** torch.arange(config.last_items)  # (R,)
        self.register_buffer("weights", weights.repeat_interleave(self.neighbours.length), persistent=False)

    @property
    def state_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """`last_items`."""
        return {"last_items": (self.config.last_items,)}

    @property
    def row_number_tensors(self) -> frozenset[str]:
        """`last_items`."""
        return frozenset({"last_items"})

    @property
    def item_offset(self) -> Tensor:
        """What orders items that are equally similar, (V,)."""
        return self.log_popularity * self.config.popularity_weight

    def fit(self, sessions: EncodedSessions) -> None:
        """Count clicks, and which items sessions hold together."""
        half_life_ms = hours_in_ms(self.config.half_life_hours)
        item_count = self.inputs.item_count
        self.log_popularity.copy_(log_popularity(item_popularity(sessions, item_count, half_life_ms=half_life_ms)))
        counts = self._counts(sessions, half_life_ms)
        self.neighbours.fill(most_similar(counts, self.neighbours.length, shrinkage=self.config.shrinkage))

    def forward(self, item_index: Tensor, features: Tensor, state: NetworkState) -> tuple[Tensor, NetworkState]:
        """Step through whole sequences, see `SequenceNetwork`."""
        del features
        rings = rings_after(state[0], item_index)  # (B, T, R)
        return rings, (rings[:, -1],)

    def step(self, item_index: Tensor, features: Tensor, state: NetworkState) -> NetworkState:
        """Advance users by one click each, see `SequenceNetwork`."""
        del features
        return (advanced_ring(state[0], item_index),)

    def output_of(self, state: NetworkState) -> Tensor:
        """Return the ring, (B, R)."""
        return state[0]

    def additions(self, state: NetworkState) -> ScoreAdditions:
        """Return the neighbours of each user's last items, by how near these are and how long ago they were."""
        return self._neighbours_of(state[0])

    def scores_above_level(self, output: Tensor) -> Tensor:
        """Score the whole catalogue for outputs, (N, R) -> (N, V)."""
        return self._neighbours_of(output).added_to(super().scores_above_level(output))

    def _counts(self, sessions: EncodedSessions, half_life_ms: float | None) -> csr_array:
        """Return what cosines are taken of, (V, V)."""
        config, item_count = self.config, self.inputs.item_count
        if config.reach is None:
            return cooccurrence_counts(sessions, item_count, half_life_ms=half_life_ms)
        return nearby_counts(
            sessions,
            item_count,
            reach=config.reach,
            backward_weight=config.backward_weight,
            half_life_ms=half_life_ms,
        )

    def _neighbours_of(self, rings: Tensor) -> ScoreAdditions:
        """Return the additions for rings, (N, R) -> (N, R M)."""
        return self.neighbours.of(rings).times(self.weights)
