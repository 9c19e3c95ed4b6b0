"""What a network must be to leave through the exporter: a recurrence with an explicit state.

Legend: B users in the batch, T sequence length, F feature columns, V items, D query size, A additions of a user.
"""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from torch import Tensor

# One tensor a name of `RecurrentNetwork.state_shapes`, in its order, each (B, ...) in float32.
TorchState = tuple[Tensor, ...]


class RecurrentNetwork(Protocol):
    """A network that advances a state by one click and scores the catalogue from it.

    An LSTM has `hidden` and `cell`, a GRU `hidden`, a linear recurrent unit its real and imaginary parts; a windowed
    model keeps a ring of its last items. The exporter and the worker know no more of a model than this. A network is
    also a `torch.nn.Module` in evaluation mode, and deterministic; those of `models.networks` are all of this kind.
    """

    @property
    def state_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The shape of each state tensor per user, without the batch axis, by name and in order."""

    @property
    def row_number_tensors(self) -> frozenset[str]:
        """Which state tensors hold row numbers, and must be stored in float32 for it."""

    @property
    def feature_width(self) -> int:
        """F, the number of feature columns; 0 for a network that takes none."""

    def step(self, item_index: Tensor, features: Tensor, state: TorchState) -> TorchState:
        """Advance B users by one click each.

        Args:
            item_index: The item each clicked, int64 (B,).
            features: The clicks' features, float32 (B, F).
            state: Their states before the click; all zeros for a user who has clicked nothing.
        """

    def scores(self, state: TorchState) -> Tensor:
        """Score the whole catalogue for each user, float32 (B, V); higher is better."""

    def sequence_scores(self, item_index: Tensor, features: Tensor) -> Tensor:
        """Score the catalogue after each click by the forward pass that training uses, float32 (B, T, V).

        Args:
            item_index: Whole sessions from their first click, int64 (B, T).
            features: float32 (B, T, F).
        """


@runtime_checkable
class ListingNetwork(RecurrentNetwork, Protocol):
    """A network that makes a list as a whole: what is in a place depends on the places before it.

    It must know beforehand what may not be listed. Its `scores` are its `list_scores` where nothing is left out.
    """

    def list_scores(self, state: TorchState, bias: Tensor) -> Tensor:
        """Score the catalogue so that the K highest scores are the list of K, best first, float32 (B, V).

        Args:
            state: The users' states.
            bias: Added to what each user's items are scored by, float32 (B, V), -inf where an item may not be listed:
                its score is -inf too.
        """


def biased_scores(network: RecurrentNetwork, state: TorchState, bias: Tensor) -> Tensor:
    """Score the catalogue under a bias of each user's own, float32 (B, V): what a list is the best K of."""
    if isinstance(network, ListingNetwork):
        return network.list_scores(state, bias)
    return network.scores(state) + bias


@runtime_checkable
class DotProductNetwork(RecurrentNetwork, Protocol):
    """A network whose scores are `query @ item_table.T + item_offset`.

    The exporter composes a faster ranking graph for it: the table is known, so that it can be laid out, quantised and
    tiled. A network that scores in any other way is ranked by a graph of its `scores`.
    """

    @property
    def item_table(self) -> Tensor:
        """What queries are compared with, float32 (V, D)."""

    @property
    def item_offset(self) -> Tensor | None:
        """Added to every query's scores, float32 (V,); None: nothing is."""

    def query(self, state: TorchState) -> Tensor:
        """Turn users' states into what is compared with the items, float32 (B, D)."""


@runtime_checkable
class AddingNetwork(DotProductNetwork, Protocol):
    """A network whose scores are dot products, and more for a few items: what was clicked after the last one, say.

    The scores are `query @ item_table.T + item_offset`, plus the additions.
    """

    def additions(self, state: TorchState) -> tuple[Tensor, Tensor]:
        """Say what is added to which scores, by users' states.

        Returns:
            The items, int64 (B, A), padded with -1, one that occurs twice being added to twice; and what is added,
            float32 (B, A), finite.
        """
