"""The losses, each with its own settings and no others; all are summed over the clicks, never averaged.

Legend: N clicks that are learned together, V items, D output size, S sampled negatives, C = N + S candidates.
"""

import math
from typing import Literal, Protocol

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from models.bounds import AtLeastOne, NotNegative, Positive
from models.errors import TrainingError
from models.networks.item_table import DotProductSequenceNetwork
from models.networks.sequence_network import SequenceNetwork


class Loss(Protocol):
    """What is minimised."""

    def __call__(self, network: SequenceNetwork, output: Tensor, target: Tensor) -> Tensor:
        """Return the loss summed over N clicks.

        Args:
            network: It scores.
            output: What its forward pass said before each click, (N, D).
            target: What was clicked, (N,).
        """


class CrossEntropy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="name", tag="cross_entropy"):
    """Cross-entropy over the whole catalogue, and as an option a smooth reciprocal rank.

    With s the scores and t the target, the second term is -w / (1 + sum over j != t of sigmoid((s_j - s_t) / tau)): the
    reciprocal of the rank with its step function made smooth (ApproxNDCG does so with ranks, Qin, Liu and Li, 2010;
    CLiMF with the reciprocal rank itself, Shi et al., 2012).

    Attributes:
        reciprocal_rank_weight: w; 0 leaves the term out.
        reciprocal_rank_temperature: tau, in units of scores.
    """

    reciprocal_rank_weight: NotNegative = 0.0
    reciprocal_rank_temperature: Positive = 1.0

    def build(self, network: SequenceNetwork, popularity: NDArray[np.int64]) -> Loss:
        """Return the loss; it needs to know nothing of the catalogue."""
        del network, popularity
        return self._summed

    def _summed(self, network: SequenceNetwork, output: Tensor, target: Tensor) -> Tensor:
        scores = network.item_scores(output)  # (N, V)
        loss = functional.cross_entropy(scores, target, reduction="sum")
        if not self.reciprocal_rank_weight:
            return loss
        behind = (scores - scores.gather(1, target[:, None])) / self.reciprocal_rank_temperature  # (N, V)
        # The target itself adds sigmoid(0).
        rank = 0.5 + torch.sigmoid(behind).sum(dim=1)  # (N,)
        return loss - self.reciprocal_rank_weight * rank.reciprocal().sum()


class SampledSoftmax(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="name", tag="sampled_softmax"):
    """Cross-entropy over candidates: the batch's own targets, and negatives drawn by popularity^alpha (GRU4Rec).

    What is drawn often is a negative often. `logq` takes that back: the logarithm of how often an item is expected
    among the candidates is subtracted from its score in training (Bengio and Senecal, 2008; Yi et al., 2019), so that
    the network learns what a softmax over the whole catalogue would teach it.

    Attributes:
        negatives: S, drawn anew for every batch and shared by its clicks.
        popularity_exponent: alpha; 0 draws all items alike, 1 by their clicks.
        logq: How much of the correction is made: 0 none, 1 all of it.
        logq_of: `expected_count`, the correction above; `clicks`, official GRU4Rec's: the logarithm of a target's
            clicks, and alpha times that of a drawn item's, whatever their numbers. It differs by a constant for each
            of the two kinds, which lets the targets of other clicks count for less.
        target_as_negative: Leave a click's target among its negatives where it was drawn or is another click's, as
            official GRU4Rec does: it is then pushed down by itself, the more the more often it stands there.
    """

    negatives: AtLeastOne = 1024
    popularity_exponent: NotNegative = 0.5
    logq: NotNegative = 1.0
    logq_of: Literal["expected_count", "clicks"] = "expected_count"
    target_as_negative: bool = False

    def build(self, network: SequenceNetwork, popularity: NDArray[np.int64]) -> Loss:
        """Return the loss over a catalogue of these training clicks, (V,); see `candidate_scores` for its error."""
        return _SampledSoftmax(self, Negatives(self.negatives, self.popularity_exponent, popularity, network.device))


class BPRMax(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="name", tag="bpr_max"):
    """GRU4Rec's pairwise loss (Hidasi and Karatzoglou, 2018, equations 8 and 9): hard negatives count most.

    With w the softmax of the negatives' scores: -log(sum of w_j sigmoid(s_t - s_j)) + lambda * sum of w_j s_j^2.
    Negatives are the batch's other targets and those drawn by popularity^alpha.

    Attributes:
        negatives: S, drawn anew for every batch and shared by its clicks.
        popularity_exponent: alpha.
        regularisation: lambda.
        elu: Scores below 0 are brought to elu * (exp(s) - 1) first, which does not change their order; 0 leaves them.
    """

    negatives: AtLeastOne = 1024
    popularity_exponent: NotNegative = 0.5
    regularisation: NotNegative = 1.0
    elu: NotNegative = 0.5

    def build(self, network: SequenceNetwork, popularity: NDArray[np.int64]) -> Loss:
        """Return the loss over a catalogue of these training clicks, (V,); see `candidate_scores` for its error."""
        return _BPRMax(self, Negatives(self.negatives, self.popularity_exponent, popularity, network.device))


LossConfig = CrossEntropy | SampledSoftmax | BPRMax


class Negatives:
    """Draws candidates for a batch, and says how often each item is to be expected among them.

    Args:
        count: S.
        exponent: alpha.
        popularity: Training clicks of every item, (V,).
        device: Where to draw: what it returns is there.
    """

    def __init__(self, count: int, exponent: float, popularity: NDArray[np.int64], device: torch.device) -> None:
        share = torch.from_numpy(popularity / popularity.sum()).to(device)  # (V,) float64
        drawn = share**exponent * (share > 0)
        self._count = count
        self._exponent = exponent
        self._log_clicks = torch.from_numpy(np.log(np.maximum(popularity, 1))).float().to(device)  # (V,)
        self._target_share = share
        self._drawn_share = drawn / drawn.sum()
        self._cumulative = self._drawn_share.cumsum(0)

    def candidates(self, target: Tensor) -> Tensor:
        """Return the N targets and S items drawn with replacement behind them, (C,)."""
        chance = torch.rand(self._count, dtype=torch.float64, device=self._cumulative.device)
        drawn = torch.searchsorted(self._cumulative, chance, right=True)
        return torch.cat((target, drawn.clamp(max=len(self._cumulative) - 1)))

    def log_expected_count(self, candidates: Tensor) -> Tensor:
        """Return the logarithm of how often each candidate is expected among as many, (C,) float32."""
        targets = len(candidates) - self._count
        expected = targets * self._target_share[candidates] + self._count * self._drawn_share[candidates]
        return expected.log().float()

    def log_clicks(self, candidates: Tensor) -> Tensor:
        """Return the logarithm of each target's clicks, alpha times that of what was drawn, (C,) float32."""
        log_clicks = self._log_clicks[candidates]
        targets = len(candidates) - self._count
        return torch.cat((log_clicks[:targets], self._exponent * log_clicks[targets:]))


def candidate_scores(network: SequenceNetwork, output: Tensor, candidates: Tensor) -> Tensor:
    """Score C candidates for N outputs, (N, D) -> (N, C).

    Raises:
        TrainingError: If the network cannot score some items without the others.
    """
    if not isinstance(network, DotProductSequenceNetwork):
        raise TrainingError(
            "This kind of network scores the catalogue as a whole: `name` under [loss] must be cross_entropy."
        )
    return network.candidate_scores(output, candidates)


def _is_other_place_of_target(candidates: Tensor, target: Tensor) -> Tensor:
    """Tell where a click's target stands among the candidates beside its own place, (N, C)."""
    is_target = candidates == target[:, None]
    is_target.fill_diagonal_(fill_value=False)
    return is_target


class _SampledSoftmax:
    def __init__(self, config: SampledSoftmax, negatives: Negatives) -> None:
        self._config = config
        self._negatives = negatives

    def __call__(self, network: SequenceNetwork, output: Tensor, target: Tensor) -> Tensor:
        candidates = self._negatives.candidates(target)
        scores = candidate_scores(network, output, candidates)  # (N, C)
        if self._config.logq_of == "clicks":
            log_often = self._negatives.log_clicks(candidates)
        else:
            log_often = self._negatives.log_expected_count(candidates)
        scores = scores - self._config.logq * log_often
        if not self._config.target_as_negative:
            scores = scores.masked_fill(_is_other_place_of_target(candidates, target), -math.inf)
        return functional.cross_entropy(scores, torch.arange(len(target), device=target.device), reduction="sum")


class _BPRMax:
    def __init__(self, config: BPRMax, negatives: Negatives) -> None:
        self._config = config
        self._negatives = negatives

    def __call__(self, network: SequenceNetwork, output: Tensor, target: Tensor) -> Tensor:
        candidates = self._negatives.candidates(target)
        scores = candidate_scores(network, output, candidates)  # (N, C)
        if self._config.elu:
            scores = functional.elu(scores, alpha=self._config.elu)
        is_target = _is_other_place_of_target(candidates, target).fill_diagonal_(fill_value=True)
        weight = torch.softmax(scores.masked_fill(is_target, -math.inf), dim=1)  # (N, C)
        target_score = scores.diagonal()[:, None]  # (N, 1)
        # log of a sum of weights times sigmoids, without leaving the logarithm where all of them are tiny.
        log_weight = weight.clamp(min=1e-24).log().masked_fill(is_target, -math.inf)
        log_won = torch.logsumexp(log_weight + functional.logsigmoid(target_score - scores), dim=1)
        return (self._config.regularisation * (weight * scores**2).sum(dim=1) - log_won).sum()
