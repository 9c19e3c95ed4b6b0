"""Models that are counted, not trained: their numbers are taken from the training sessions in one pass.

Scores are a base that all users share, the logarithm of the items' popularity, and additions to a few items that follow
from what the user clicked last:

    score(item | user) = level(user) + log popularity(item) + additions(user)(item)

The base is a dot product of one number, so that such a model is exported as any other network with dot products is, and
may be a member of an ensemble of them. Legend in the package.
"""

from abc import abstractmethod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.networks.sequence_network import NetworkInputs, NetworkState, SequenceNetwork
from models.preparation.timestamps import MS_PER_HOUR
from models.sequences.encoded_sessions import EncodedSessions

# What all items share alike of the clicks' probability, so that no item's is 0. A share and no number of clicks: with a
# short half life all the clicks of a log together may be worth less than one.
EVEN_SHARE = 1e-3


class CountedNetwork(SequenceNetwork):
    """A network without weights: it has buffers, and `fit` fills them.

    What its forward pass returns after a click is what the additions are looked up by, (B, T, S); S differs by kind.

    Args:
        inputs: What the data decides.
    """

    log_popularity: Tensor
    ones: Tensor

    def __init__(self, inputs: NetworkInputs) -> None:
        super().__init__(inputs)
        self.register_buffer("log_popularity", torch.zeros(inputs.item_count))
        self.register_buffer("ones", torch.ones(inputs.item_count, 1), persistent=False)

    @abstractmethod
    def fit(self, sessions: EncodedSessions) -> None:
        """Count training sessions; what was counted before is forgotten."""

    @property
    def item_table(self) -> Tensor:
        """What levels are multiplied with, (V, 1)."""
        return self.ones

    @property
    def item_offset(self) -> Tensor:
        """The base, (V,)."""
        return self.log_popularity

    def query(self, state: NetworkState) -> Tensor:
        """Return what is added to all scores of a user alike, (B, 1)."""
        return self.level(self.output_of(state))

    def level(self, output: Tensor) -> Tensor:
        """Return the same for outputs of `forward`, (N, S) -> (N, 1): 0 unless a kind says otherwise."""
        return torch.zeros_like(output[:, :1])

    def item_scores(self, output: Tensor) -> Tensor:
        """Score the whole catalogue for outputs, (N, S) -> (N, V)."""
        return self.level(output) + self.scores_above_level(output)

    def scores_above_level(self, output: Tensor) -> Tensor:
        """Return the scores without what is added to all of a user's, (N, S) -> (N, V)."""
        return self.item_offset.expand(len(output), -1)


def log_popularity(popularity: NDArray[np.float64]) -> Tensor:
    """Return the logarithm of each item's share of the clicks, (V,) float32, given its decayed clicks, (V,)."""
    share = (1 - EVEN_SHARE) * popularity / popularity.sum() + EVEN_SHARE / len(popularity)
    return torch.from_numpy(np.log(share)).float()


def hours_in_ms(hours: float | None) -> float | None:
    """Return a half life of the settings as counts take it."""
    return None if hours is None else hours * MS_PER_HOUR
