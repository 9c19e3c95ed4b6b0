import math

import numpy as np
import pytest
import torch
from torch import nn

from models.errors import TrainingError
from models.networks.lstm import LSTMConfig, LSTMNetwork
from models.networks.sequence_network import NetworkInputs, NetworkState, SequenceNetwork
from models.training.losses import BPRMax, CrossEntropy, LossConfig, Negatives, SampledSoftmax

CPU = torch.device("cpu")
POPULARITY = np.array([8, 4, 2, 1, 1, 0])


def make_network(scores: list[float]) -> LSTMNetwork:
    """A network that gives every item a score of its own, whatever was clicked."""
    network = LSTMNetwork(LSTMConfig(embedding_size=3, hidden_size=3), NetworkInputs(len(scores)))
    with torch.no_grad():
        network.items.output_bias.copy_(torch.tensor(scores))
    return network


def loss_of(config: LossConfig, scores: list[float], targets: list[int], popularity: object = POPULARITY) -> float:
    """The summed loss of clicks on these targets where all outputs are zero."""
    network = make_network(scores)
    loss = config.build(network, np.asarray(popularity))
    return float(loss(network, torch.zeros(len(targets), 3), torch.tensor(targets)).detach())


def test_cross_entropy_is_summed_over_the_clicks() -> None:
    """Two clicks on items of probability 1/2 and 1/4."""
    scores = [math.log(4), math.log(2), 0.0, 0.0]
    assert loss_of(CrossEntropy(), scores, [0, 1]) == pytest.approx(math.log(2) + math.log(4))


def test_the_smooth_reciprocal_rank_nears_the_true_one() -> None:
    """At a low temperature an item behind two others has rank 3."""
    config = CrossEntropy(reciprocal_rank_weight=3.0, reciprocal_rank_temperature=1e-3)
    scores = [3.0, 2.0, 1.0, 0.0]
    assert loss_of(config, scores, [2]) == pytest.approx(loss_of(CrossEntropy(), scores, [2]) - 3.0 / 3.0)


def test_negatives_are_drawn_by_a_power_of_their_clicks() -> None:
    """Square roots of 8, 4, 2, 1, 1, 0 clicks: what nobody clicked is never drawn."""
    torch.manual_seed(0)
    drawn = Negatives(100_000, 0.5, POPULARITY, CPU).candidates(torch.zeros(0, dtype=torch.int64))
    share = np.bincount(drawn.numpy(), minlength=6) / 100_000
    assert share == pytest.approx(np.sqrt(POPULARITY) / np.sqrt(POPULARITY).sum(), abs=0.005)
    assert share[5] == 0


def test_an_items_expected_count_is_over_targets_and_draws() -> None:
    """Two targets by the clicks' share, four draws all alike among the five that were clicked."""
    negatives = Negatives(4, 0.0, POPULARITY, CPU)
    expected = negatives.log_expected_count(torch.tensor([0, 3, 1, 1, 4, 0])).exp()
    assert expected.tolist() == pytest.approx([1.8, 0.925, 1.3, 1.3, 0.925, 1.8])


def test_logq_makes_the_sampled_loss_that_of_the_whole_catalogue() -> None:
    """With many samples the corrected loss differs from the full one by nothing but chance."""
    torch.manual_seed(1)
    scores = [1.0, 0.2, 0.7, -1.0, 0.4, -40.0]
    full = loss_of(CrossEntropy(), scores, [3])
    corrected = loss_of(SampledSoftmax(negatives=200_000, logq=1.0), scores, [3])
    # The target's own place holds one of some 200,000 * .1 expected: its column is what the correction makes of it.
    uncorrected = loss_of(SampledSoftmax(negatives=200_000, logq=0.0), scores, [3])
    candidates = np.sqrt(POPULARITY) / np.sqrt(POPULARITY).sum() * 200_000
    others = sum(candidates[item] * math.exp(scores[item]) for item in (0, 1, 2, 4))
    assert uncorrected == pytest.approx(math.log(1 + others / math.exp(-1.0)), rel=1e-2)
    own = math.exp(-1.0) / (candidates[3] + 1 / 16)
    assert corrected == pytest.approx(
        math.log((own + sum(math.exp(scores[item]) for item in (0, 1, 2, 4))) / own), rel=1e-2
    )
    assert full < corrected


def test_logq_may_be_of_clicks_as_official_gru4rec_has_it() -> None:
    """A target of 8 clicks against itself drawn three times, by the square root of its clicks."""
    config = SampledSoftmax(negatives=3, logq_of="clicks", target_as_negative=True)
    own, drawn = math.exp(1.0) / 8, math.exp(1.0) / math.sqrt(8)
    assert loss_of(config, [1.0, 0.0], [0], popularity=[8, 0]) == pytest.approx(math.log((own + 3 * drawn) / own))


def test_a_target_drawn_again_is_no_negative() -> None:
    """Where only one item was ever clicked there is nothing to tell it from."""
    assert loss_of(SampledSoftmax(negatives=5), [1.0, 2.0], [0, 0], popularity=[3, 0]) == pytest.approx(0.0)


def test_a_target_may_be_left_among_its_negatives() -> None:
    """Two clicks on the only item that was ever clicked: it stands in each of seven places."""
    config = SampledSoftmax(negatives=5, logq=0.0, target_as_negative=True)
    assert loss_of(config, [1.0, 2.0], [0, 0], popularity=[3, 0]) == pytest.approx(2 * math.log(7))


def test_bpr_max_is_the_formula_of_the_paper() -> None:
    """Each of two clicks has the other's target as its only negative: weight 1, so -log sigmoid plus the square."""
    config = BPRMax(negatives=1, popularity_exponent=1.0, regularisation=0.5, elu=0.0)
    network = make_network([1.0, 2.0, 0.0])
    loss = config.build(network, np.array([0, 0, 7]))
    found = loss(network, torch.zeros(2, 3), torch.tensor([0, 1])).detach()
    expected = 0.0
    for own, negatives in ((1.0, [2.0, 0.0]), (2.0, [1.0, 0.0])):
        weights = np.exp(negatives) / np.exp(negatives).sum()
        won = sum(weight / (1 + math.exp(other - own)) for weight, other in zip(weights, negatives, strict=True))
        square = sum(weight * other**2 for weight, other in zip(weights, negatives, strict=True))
        expected += 0.5 * square - math.log(won)
    assert float(found) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("config", [CrossEntropy(), SampledSoftmax(negatives=8), BPRMax(negatives=8)])
def test_every_loss_raises_the_score_of_what_was_clicked(config: LossConfig) -> None:
    """A step along the gradient does."""
    torch.manual_seed(2)
    network = make_network([0.0] * 6)
    loss = config.build(network, POPULARITY)
    loss(network, torch.zeros(2, 3), torch.tensor([3, 3])).backward()  # type: ignore[no-untyped-call]
    gradient = network.items.output_bias.grad
    assert gradient is not None
    assert gradient[3] < 0
    assert (gradient[[0, 1, 2, 4]] >= 0).all()


class WholeCatalogue(SequenceNetwork):
    """Scores that are no dot products."""

    state_shapes = {}  # noqa: RUF012 - a stand-in

    def forward(
        self,
        item_index: torch.Tensor,  # noqa: ARG002
        features: torch.Tensor,
        state: NetworkState,
    ) -> tuple[torch.Tensor, NetworkState]:
        """Say nothing."""
        return features, state

    def step(self, item_index: torch.Tensor, features: torch.Tensor, state: NetworkState) -> NetworkState:  # noqa: ARG002
        """Stay."""
        return state

    def query(self, state: NetworkState) -> torch.Tensor:  # noqa: ARG002
        """Say nothing."""
        return torch.zeros(1, 1)

    def item_scores(self, output: torch.Tensor) -> torch.Tensor:
        """Score all alike."""
        return nn.functional.one_hot(output.long(), 6).float()


def test_a_network_that_scores_all_or_nothing_cannot_be_sampled() -> None:
    """The error names the loss to take."""
    network = WholeCatalogue(NetworkInputs(6))
    loss = SampledSoftmax(negatives=8).build(network, POPULARITY)
    with pytest.raises(TrainingError, match="must be cross_entropy"):
        loss(network, torch.zeros(1, 1), torch.tensor([0]))
