import numpy as np
import pytest
import torch

from models.networks.counted_network import CountedNetwork
from models.networks.item_knn import ItemKNNConfig
from models.networks.kinds import kind_of
from models.networks.markov import MarkovConfig
from models.networks.popularity import PopularityConfig
from models.networks.recency import RecencyConfig
from models.networks.sequence_network import NetworkInputs
from tests.encoded import make_sessions

CountedConfig = PopularityConfig | RecencyConfig | MarkovConfig | ItemKNNConfig
KINDS: list[CountedConfig] = [
    PopularityConfig(),
    RecencyConfig(half_life_hours=0.001),
    MarkovConfig(half_life_hours=0.01, successors=3),
    ItemKNNConfig(last_items=3, neighbours=4),
    ItemKNNConfig(last_items=3, neighbours=4, reach=2, backward_weight=0.5),
]
# 0 is followed by 1 twice and by 2 once.
THREE = ([0, 1], [0, 1], [0, 2])
HOUR_MS = 3_600_000
# 3, 2 and 1 of six clicks, a thousandth of them spread evenly.
POPULARITY = 0.999 * np.array([3, 2, 1]) / 6 + 0.001 / 3


def fitted(config: CountedConfig, *sessions: list[int], items: int = 3) -> CountedNetwork:
    """A network that has counted these sessions."""
    network: CountedNetwork = config.build(NetworkInputs(items))
    network.fit(make_sessions(*sessions))
    return network.eval()


def scores_after(network: CountedNetwork, *clicks: int) -> list[float]:
    """The scores of all items after these clicks of one user, taken step by step."""
    state = network.initial_state(1)
    for item in clicks:
        state = network.step(torch.tensor([item]), torch.zeros(1, 0), state)
    scores: list[float] = network.scores(state)[0].tolist()
    return scores


def test_popularity_is_the_logarithm_of_the_share_of_clicks() -> None:
    """Three, two and one of six clicks; whatever was clicked."""
    network = fitted(PopularityConfig(), *THREE)
    assert scores_after(network, 2) == pytest.approx(np.log(POPULARITY))
    assert scores_after(network) == pytest.approx(np.log(POPULARITY))


def test_recency_forgets_by_half_lives() -> None:
    """Item 0 twice, two hours before item 1 once: half lives of an hour leave it half a click."""
    network = RecencyConfig(half_life_hours=1.0).build(NetworkInputs(2))
    network.fit(make_sessions([0, 0], [1], timestamp_ms=[0, 0, 2 * HOUR_MS]))
    assert scores_after(network, 0) == pytest.approx(np.log([0.333 + 0.0005, 0.666 + 0.0005]))


def test_a_short_half_life_leaves_the_order() -> None:
    """All clicks but the last are worth next to nothing: the later ones still come before the earlier ones."""
    network = RecencyConfig(half_life_hours=0.1).build(NetworkInputs(3))
    network.fit(make_sessions([0], [1], [2, 2], timestamp_ms=[0, HOUR_MS, 2 * HOUR_MS, 2 * HOUR_MS]))
    assert sorted(range(3), key=lambda item: -scores_after(network, 0)[item]) == [2, 1, 0]


def test_transitions_are_mixed_with_popularity() -> None:
    """(c_ij + mu p_j) / (n_i + mu) with mu = 3: a distribution."""
    network = fitted(MarkovConfig(prior_clicks=3.0), *THREE)
    assert np.exp(scores_after(network, 2, 0)) == pytest.approx((np.array([0, 2, 1]) + 3 * POPULARITY) / 6)


def test_what_successors_are_not_kept_is_left_to_popularity() -> None:
    """One successor a row: a third for item 1 itself, two thirds by popularity."""
    network = fitted(MarkovConfig(prior_clicks=3.0, successors=1), *THREE)
    assert np.exp(scores_after(network, 0)) == pytest.approx(np.array([0, 1 / 3, 0]) + 2 / 3 * POPULARITY)


def test_an_item_without_successors_leads_to_popularity() -> None:
    """Item 2 ends its session; and so it is before the first click."""
    network = fitted(MarkovConfig(prior_clicks=3.0), *THREE)
    assert np.exp(scores_after(network, 2)) == pytest.approx(POPULARITY)
    assert np.exp(scores_after(network)) == pytest.approx(POPULARITY)


def test_neighbours_of_older_clicks_count_less() -> None:
    """Clicked 1, then 0: cosines 2 / sqrt(3 * 2) and 1 / sqrt(3 * 1) from item 0, half of the former from item 1."""
    network = fitted(ItemKNNConfig(shrinkage=0.0, popularity_weight=1e-7), *THREE)
    near, far = 2 / np.sqrt(6), 1 / np.sqrt(3)
    assert scores_after(network, 1, 0) == pytest.approx([near / 2, near, far], abs=1e-6)


def test_with_a_reach_order_counts() -> None:
    """Item 1 twice behind item 0, clicked three times: 2 / sqrt(3 * 2); from item 1 back to 0 half of that."""
    network = fitted(ItemKNNConfig(shrinkage=0.0, popularity_weight=1e-7, reach=1, backward_weight=0.5), *THREE)
    assert scores_after(network, 0) == pytest.approx([0, 2 / np.sqrt(6), 1 / np.sqrt(3)], abs=1e-6)
    assert scores_after(network, 1) == pytest.approx([1 / np.sqrt(6), 0, 0], abs=1e-6)


def test_without_a_reach_there_is_no_order_to_weigh() -> None:
    with pytest.raises(ValueError, match="backward_weight needs a reach"):
        ItemKNNConfig(backward_weight=0.5)


def test_a_ring_forgets_its_oldest_item() -> None:
    """With one item remembered, what was clicked before the last click is gone."""
    network = fitted(ItemKNNConfig(last_items=1), *THREE)
    assert scores_after(network, 1, 0) == scores_after(network, 0)


def test_popularity_orders_what_no_neighbour_reaches() -> None:
    """From item 3, which never shared a session: 0, 1, 2 by their clicks."""
    scores = scores_after(fitted(ItemKNNConfig(), *THREE, [3, 3], items=4), 3)
    assert sorted(range(3), key=lambda item: -scores[item]) == [0, 1, 2]


@pytest.mark.parametrize("config", KINDS, ids=kind_of)
def test_chained_steps_equal_one_forward_pass(config: CountedConfig) -> None:
    """And a pass in two pieces equals one in one: the state after a click is all there is."""
    draw = np.random.default_rng(5)
    network = fitted(config, *(draw.integers(11, size=7).tolist() for _ in range(30)), items=11)
    item_index, features = torch.from_numpy(draw.integers(11, size=(4, 9))), torch.zeros(4, 9, 0)
    output, state = network(item_index, features, network.initial_state(4))
    head, between = network(item_index[:, :4], features[:, :4], network.initial_state(4))
    tail, _ = network(item_index[:, 4:], features[:, 4:], between)
    assert torch.equal(torch.cat((head, tail), dim=1), output)

    stepped = network.initial_state(4)
    for click in range(9):
        stepped = network.step(item_index[:, click], features[:, click], stepped)
        assert torch.equal(network.scores(stepped), network.item_scores(output[:, click]))
    assert {name: tensor.shape[1:] for name, tensor in zip(network.state_shapes, stepped, strict=True)} == {
        name: torch.Size(shape) for name, shape in network.state_shapes.items()
    }
    assert all(torch.equal(one, other) for one, other in zip(stepped, state, strict=True))


@pytest.mark.parametrize("config", KINDS, ids=kind_of)
def test_counting_again_forgets(config: CountedConfig) -> None:
    """A second fit leaves nothing of the first."""
    twice = fitted(config, [0, 1, 2, 3], [2, 3, 1], items=4)
    twice.fit(make_sessions([0, 1], [0, 2]))
    once = fitted(config, [0, 1], [0, 2], items=4)
    for name, tensor in once.state_dict().items():
        assert torch.equal(twice.state_dict()[name], tensor), name
