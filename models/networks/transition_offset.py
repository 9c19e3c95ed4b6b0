"""`transition_offset`: what was clicked after the last item, as an offset on a network's scores.

    score(item | user) = base network's score + gate(base network's output) * transition(last item)(item)

A transition is how far the logarithm of p(item | last item) lies above that of the back-off to popularity, see
`transition_rows`; the gate is a softplus of a linear layer, so that the network says by the whole session how much the
last click alone counts. Counts are taken from the training sessions first and stay as they are; base and gate are
trained together. Legend as in the package, and M the successors that are kept of an item.
"""

import math
from collections.abc import Mapping

import msgspec
import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor, nn
from torch.nn import functional

from models.bounds import AtLeastOne, NotNegative, Positive
from models.items.item_counts import item_popularity, transition_counts
from models.networks.attention import AttentionConfig
from models.networks.counted_network import hours_in_ms, log_popularity
from models.networks.gru import GRUConfig
from models.networks.item_ring import advanced_ring, rings_after
from models.networks.item_table import DotProductSequenceNetwork
from models.networks.lru import LRUConfig
from models.networks.lstm import LSTMConfig
from models.networks.repeat_offset import RepeatOffset
from models.networks.score_additions import ScoreAdditions, SparseRows
from models.networks.sequence_network import NetworkInputs, NetworkState, SequenceNetwork
from models.networks.transition_rows import transition_rows
from models.sequences.encoded_sessions import EncodedSessions

_PLACES = 16
# Networks whose scores are dot products.
BaseConfig = LSTMConfig | GRUConfig | LRUConfig | AttentionConfig


class TransitionOffsetConfig(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="transition_offset"
):
    """`[network]` with `kind = "transition_offset"`.

    Attributes:
        base: `[network.base]`, the network that the offset is added to, by its kind.
        half_life_hours: After which time a transition counts half, as seen from the last clicks; None: all
            count alike.
        popularity_half_life_hours: The same for the clicks that popularity is made of.
        prior_clicks: How many clicks by popularity an item's own successors are mixed with.
        successors: M.
        discount: Taken off every count. In training, the count of what comes next holds the very click that is to be
            told; a transition that occurred once would tell it for certain. Discounts are what leaving that click out
            leads to (Ney, Essen and Kneser, On the estimation of small probabilities by leaving-one-out, PAMI 17,
            1995); 1 leaves out transitions that occurred once.
    """

    base: BaseConfig = LSTMConfig()
    half_life_hours: Positive | None = None
    popularity_half_life_hours: Positive | None = None
    prior_clicks: Positive = 10.0
    successors: AtLeastOne = 200
    discount: NotNegative = 0.5

    def build(self, inputs: NetworkInputs) -> "TransitionOffsetNetwork":
        """Return a network with its first weights that has counted nothing yet."""
        return TransitionOffsetNetwork(self, inputs)


class TransitionOffsetNetwork(SequenceNetwork):
    """A network with dot products, and additions to its scores for what follows the last item.

    Its state is that of the base network, and the row number of the last item. What its forward pass returns is the
    output of the base network, O numbers, with that row number behind it.

    Args:
        config: The settings.
        inputs: What the data decides.
    """

    def __init__(self, config: TransitionOffsetConfig, inputs: NetworkInputs) -> None:
        super().__init__(inputs)
        self.config = config
        self.base: DotProductSequenceNetwork | RepeatOffset = config.base.build(inputs)
        self.successors = SparseRows(inputs.item_count, min(config.successors, inputs.item_count))
        # D: what the base network's output begins with is compared with the items.
        self.query_size = self.base.item_table.shape[1]
        self.gate = nn.Linear(self.query_size, 1)
        nn.init.zeros_(self.gate.weight)
        # The gate begins at 1: log(1 + exp(bias)).
        nn.init.constant_(self.gate.bias, math.log(math.e - 1))

    @property
    def state_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The base network's, and `last_item`."""
        return {**self.base.state_shapes, "last_item": (1,)}

    @property
    def row_number_tensors(self) -> frozenset[str]:
        """The base network's, and `last_item`."""
        return self.base.row_number_tensors | {"last_item"}

    @property
    def item_table(self) -> Tensor:
        """What outputs of the base network are compared with, (V, D)."""
        return self.base.item_table

    @property
    def item_offset(self) -> Tensor:
        """Each item's bias, (V,)."""
        return self.base.item_offset

    def fit(self, sessions: EncodedSessions) -> None:
        """Count transitions between neighbouring clicks."""
        config, item_count = self.config, self.inputs.item_count
        clicks = item_popularity(sessions, item_count, half_life_ms=hours_in_ms(config.popularity_half_life_hours))
        counts = transition_counts(sessions, item_count, half_life_ms=hours_in_ms(config.half_life_hours))
        rows = transition_rows(
            _discounted(counts, config.discount),
            log_popularity(clicks).double().exp().numpy(),
            prior_clicks=config.prior_clicks,
            length=self.successors.length,
        )
        self.successors.fill(rows.successors)

    def forward(self, item_index: Tensor, features: Tensor, state: NetworkState) -> tuple[Tensor, NetworkState]:
        """Step through whole sequences, see `SequenceNetwork`."""
        output, advanced = self.base(item_index, features, state[:-1])  # (B, T, O)
        last_item = rings_after(state[-1], item_index)  # (B, T, 1)
        return torch.cat((output, last_item), dim=-1), (*advanced, last_item[:, -1])

    def step(self, item_index: Tensor, features: Tensor, state: NetworkState) -> NetworkState:
        """Advance users by one click each, see `SequenceNetwork`."""
        return (*self.base.step(item_index, features, state[:-1]), advanced_ring(state[-1], item_index))

    def query(self, state: NetworkState) -> Tensor:
        """Return the base network's, (B, D)."""
        return self.base.query(state[:-1])

    def output_of(self, state: NetworkState) -> Tensor:
        """Return the base network's output and the last item's row number, (B, O + 1)."""
        return torch.cat((self.base.output_of(state[:-1]), state[-1]), dim=-1)

    def additions(self, state: NetworkState) -> ScoreAdditions:
        """Return the last items' successors, weighted by the gate, and what the base network adds itself."""
        own = self._gated(self.query(state), state[-1])
        return self.base.additions(state[:-1]).beside(own) if isinstance(self.base, RepeatOffset) else own

    def item_scores(self, output: Tensor) -> Tensor:
        """Score the whole catalogue for outputs, (N, O + 1) -> (N, V)."""
        of_base, last_item = output[:, :-1], output[:, -1:]
        return self._gated(of_base[:, : self.query_size], last_item).added_to(self.base.item_scores(of_base))

    def _gated(self, query: Tensor, last_item: Tensor) -> ScoreAdditions:
        """Return the additions by queries, (N, D), and last items, (N, 1)."""
        # onnxruntime computes softplus of 16 numbers at a time, and of what is left over by other instructions, whose
        # last bit differs: side by side, one user's gate fills 16 places wherever it stands in a batch.
        gates = functional.softplus(self.gate(query).expand(-1, _PLACES))  # (N, 16)
        return self.successors.of(last_item).times(gates[:, :1])


def _discounted(counts: csr_array, discount: float) -> csr_array:
    reduced = counts.copy()
    reduced.data = np.maximum(counts.data - discount, 0.0)
    reduced.eliminate_zeros()
    return reduced
