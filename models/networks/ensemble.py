"""`ensemble`: several networks and counts as one network, whose scores are the weighted sum of theirs.

Dot products stay dot products: tables lie side by side in one, (V, sum of D), queries are scaled by their members'
weights, offsets are summed, additions to single items are put one behind the other. A list then costs one pass over
the catalogue, in int8 where that is worth it. Of counts only what differs between items takes part: the level of all of
a user's scores changes no list. The same holds for the normaliser of a softmax, so that the sum of log-probabilities (a
product of experts; Hinton, 2002) and the sum of scores are one and the same ensemble.

Legend in the package.
"""

import math
from collections.abc import Mapping, Sequence
from functools import reduce

import msgspec
import torch
from torch import Tensor, nn

from models.networks.attention import AttentionConfig
from models.networks.counted_network import CountedNetwork
from models.networks.fitted_network import FittedNetwork
from models.networks.gru import GRUConfig
from models.networks.item_knn import ItemKNNConfig, ItemKNNNetwork
from models.networks.item_table import DotProductSequenceNetwork
from models.networks.lru import LRUConfig
from models.networks.lstm import LSTMConfig
from models.networks.markov import MarkovConfig, MarkovNetwork
from models.networks.popularity import PopularityConfig
from models.networks.recency import RecencyConfig
from models.networks.repeat_offset import RepeatOffset
from models.networks.score_additions import ScoreAdditions
from models.networks.sequence_network import NetworkInputs, NetworkState, SequenceNetwork
from models.networks.transition_offset import TransitionOffsetConfig, TransitionOffsetNetwork
from models.sequences.encoded_sessions import EncodedSessions

# Kinds that score by dot products, by counts, or by both.
MemberConfig = (
    LSTMConfig
    | GRUConfig
    | LRUConfig
    | AttentionConfig
    | TransitionOffsetConfig
    | PopularityConfig
    | RecencyConfig
    | MarkovConfig
    | ItemKNNConfig
)
Member = DotProductSequenceNetwork | RepeatOffset | TransitionOffsetNetwork | CountedNetwork
_Adding = RepeatOffset | TransitionOffsetNetwork | MarkovNetwork | ItemKNNNetwork


class MemberSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[[network.members]]`: one member.

    Attributes:
        network: Its kind and shape.
        weight: What its scores are multiplied with.
    """

    network: MemberConfig
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not math.isfinite(self.weight):
            raise ValueError(f"a member cannot weigh {self.weight}")


class EnsembleConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="ensemble"):
    """`[network]` with `kind = "ensemble"`.

    Attributes:
        members: At least one of them with dot products. A network that stands here several times has other first
            weights each time.
    """

    members: tuple[MemberSection, ...]

    def __post_init__(self) -> None:
        counted = PopularityConfig | RecencyConfig | MarkovConfig | ItemKNNConfig
        if all(isinstance(member.network, counted) for member in self.members):
            raise ValueError("an ensemble needs a member that is trained: an lstm, a gru, ...")

    def build(self, inputs: NetworkInputs) -> "EnsembleNetwork":
        """Return a network whose members have their first weights, and have counted nothing yet."""
        return ensemble_of(self, inputs, [member.network.build(inputs) for member in self.members])


class EnsembleNetwork(SequenceNetwork):
    """The weighted sum of several networks' scores.

    Its state is that of all members, each tensor's name behind its member's number: `member_1_hidden`.

    Args:
        config: The members' shapes and weights.
        inputs: What the data decides.
        members: The networks of these shapes.
    """

    def __init__(self, config: EnsembleConfig, inputs: NetworkInputs, members: Sequence[Member]) -> None:
        super().__init__(inputs)
        self.config = config
        self.networks = nn.ModuleList(members)
        self.members = tuple(members)
        with torch.no_grad():
            self._output_sizes = [member.output_of(member.initial_state(1)).shape[1] for member in members]

    @property
    def weights(self) -> tuple[float, ...]:
        """What each member's scores are multiplied with."""
        return tuple(member.weight for member in self.config.members)

    def weigh(self, weights: Sequence[float]) -> None:
        """Give the members other weights; the configuration says so too."""
        pairs = zip(self.config.members, weights, strict=True)
        self.config = EnsembleConfig(tuple(msgspec.structs.replace(member, weight=weight) for member, weight in pairs))

    @property
    def state_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The members'."""
        return {
            f"member_{number}_{name}": shape
            for number, member in enumerate(self.members, start=1)
            for name, shape in member.state_shapes.items()
        }

    @property
    def row_number_tensors(self) -> frozenset[str]:
        """The members'."""
        return frozenset(
            f"member_{number}_{name}"
            for number, member in enumerate(self.members, start=1)
            for name in member.row_number_tensors
        )

    @property
    def item_table(self) -> Tensor:
        """The members' side by side, (V, sum of D)."""
        return torch.cat(
            [member.item_table for member in self.members if not isinstance(member, CountedNetwork)], dim=1
        )

    @property
    def item_offset(self) -> Tensor:
        """The weighted sum of the members', (V,)."""
        offsets = zip(self.weights, self.members, strict=True)
        return torch.stack([weight * member.item_offset for weight, member in offsets]).sum(dim=0)

    def fit(self, sessions: EncodedSessions) -> None:
        """Count what members take from counts."""
        for member in self.members:
            if isinstance(member, FittedNetwork):
                member.fit(sessions)

    def forward(self, item_index: Tensor, features: Tensor, state: NetworkState) -> tuple[Tensor, NetworkState]:
        """Step through whole sequences, see `SequenceNetwork`; the output is the members' outputs side by side."""
        parts = zip(self.members, self._of_members(state), strict=True)
        outputs, advanced = zip(*(member(item_index, features, own) for member, own in parts), strict=True)
        return torch.cat(outputs, dim=-1), sum(advanced, start=())

    def step(self, item_index: Tensor, features: Tensor, state: NetworkState) -> NetworkState:
        """Advance users by one click each, see `SequenceNetwork`."""
        parts = zip(self.members, self._of_members(state), strict=True)
        return sum((member.step(item_index, features, own) for member, own in parts), start=())

    def query(self, state: NetworkState) -> Tensor:
        """Return the members' weighted queries side by side, (B, sum of D)."""
        parts = zip(self.weights, self.members, self._of_members(state), strict=True)
        queries = [weight * one.query(own) for weight, one, own in parts if not isinstance(one, CountedNetwork)]
        return torch.cat(queries, dim=1)

    def output_of(self, state: NetworkState) -> Tensor:
        """Return the members' outputs side by side, (B, O)."""
        parts = zip(self.members, self._of_members(state), strict=True)
        return torch.cat([member.output_of(own) for member, own in parts], dim=1)

    def item_scores(self, output: Tensor) -> Tensor:
        """Score the whole catalogue for outputs, (N, O) -> (N, V)."""
        parts = zip(self.weights, self.members, torch.split(output, self._output_sizes, dim=1), strict=True)
        return torch.stack([weight * member_scores(member, own) for weight, member, own in parts]).sum(dim=0)

    def _of_members(self, state: NetworkState) -> list[NetworkState]:
        """Cut a state into the members' own."""
        parts, begin = [], 0
        for member in self.members:
            parts.append(state[begin : begin + len(member.state_shapes)])
            begin += len(member.state_shapes)
        return parts


class AddingEnsemble(EnsembleNetwork):
    """An ensemble with members that add to single items' scores."""

    def additions(self, state: NetworkState) -> ScoreAdditions:
        """Return the members' weighted additions one behind the other."""
        parts = zip(self.weights, self.members, self._of_members(state), strict=True)
        added = [one.additions(own).times(weight) for weight, one, own in parts if isinstance(one, _Adding)]
        return reduce(ScoreAdditions.beside, added)


def ensemble_of(config: EnsembleConfig, inputs: NetworkInputs, members: Sequence[Member]) -> EnsembleNetwork:
    """Return the ensemble of these networks, of the kind that a ranking graph is to be made for."""
    adds = any(isinstance(member, _Adding) for member in members)
    return (AddingEnsemble if adds else EnsembleNetwork)(config, inputs, members)


def member_scores(member: Member, output: Tensor) -> Tensor:
    """Score the catalogue for outputs of a member, (N, O) -> (N, V), as it takes part: without a count's level."""
    return member.scores_above_level(output) if isinstance(member, CountedNetwork) else member.item_scores(output)
