import numpy as np
import pytest
import torch
from torch.nn import functional

from models.networks.gru import GRUConfig
from models.networks.lstm import LSTMConfig
from models.networks.sequence_network import NetworkInputs
from models.networks.transition_offset import TransitionOffsetConfig, TransitionOffsetNetwork
from tests.encoded import make_sessions
from tests.models.networks.contract import check_chained_steps, check_two_pieces

SMALL_LSTM = LSTMConfig(embedding_size=6, hidden_size=6, embedding_dropout=0.0, output_dropout=0.0)
ITEMS = 11


def make_network(
    config: TransitionOffsetConfig, *sessions: list[int], feature_width: int = 0
) -> TransitionOffsetNetwork:
    """An untrained network that has counted these sessions, with a gate that differs by output."""
    torch.manual_seed(3)
    network = config.build(NetworkInputs(ITEMS, feature_width))
    network.fit(make_sessions(*sessions))
    torch.nn.init.normal_(network.gate.weight)
    return network.eval()


def random_sessions() -> list[list[int]]:
    """Thirty sessions of seven clicks."""
    draw = np.random.default_rng(5)
    return [draw.integers(ITEMS, size=7).tolist() for _ in range(30)]


@pytest.mark.parametrize(
    ("config", "feature_width"),
    [
        (TransitionOffsetConfig(base=SMALL_LSTM, successors=3), 2),
        (TransitionOffsetConfig(base=LSTMConfig(embedding_size=6, hidden_size=6, repeat_window=2), successors=3), 0),
        (TransitionOffsetConfig(base=GRUConfig(embedding_size=5, hidden_size=8, layers=2)), 0),
    ],
)
def test_the_stream_leads_where_training_does(config: TransitionOffsetConfig, feature_width: int) -> None:
    """Chained steps and sessions in pieces: the last item is part of the state."""
    network = make_network(config, *random_sessions(), feature_width=feature_width)
    check_chained_steps(network, clicks=9)
    check_two_pieces(network, clicks=7, cut=3)


def test_the_offset_is_the_gate_times_how_far_a_transition_lies_above_the_back_off() -> None:
    """After item 0, item 1 followed twice and item 2 once: log(1 + c / (mu p)) each, and nothing for the others."""
    config = TransitionOffsetConfig(base=SMALL_LSTM, prior_clicks=3.0, discount=0.0)
    network = make_network(config, [0, 1], [0, 1], [0, 2])
    state = network.step(torch.tensor([0]), torch.zeros(1, 0), network.initial_state(1))
    offset = (network.scores(state) - network.base.scores(state[:-1]))[0]
    gate = functional.softplus(network.gate(network.query(state)))[0, 0].item()
    # Two and one of six clicks, a thousandth of them spread over eleven items.
    above = np.log1p([2 / (3 * (0.333 + 0.001 / 11)), 1 / (3 * (0.1665 + 0.001 / 11))])
    assert offset.tolist() == pytest.approx([0.0, *(gate * above), *[0.0] * (ITEMS - 3)], abs=1e-5)


def test_a_discount_leaves_out_what_occurred_once() -> None:
    """What is left is one count of two; a transition's own click does not tell it."""
    config = TransitionOffsetConfig(base=SMALL_LSTM, prior_clicks=3.0, discount=1.0)
    network = make_network(config, [0, 1], [0, 1], [0, 2])
    assert network.successors.item_index[1].tolist() == [1, *[-1] * (ITEMS - 1)]
    assert network.successors.value[1, 0].item() == pytest.approx(np.log1p(1 / (3 * (0.333 + 0.001 / 11))))


def test_before_the_first_click_there_is_no_offset() -> None:
    """The scores are the base network's."""
    network = make_network(TransitionOffsetConfig(base=SMALL_LSTM), *random_sessions())
    empty = network.initial_state(2)
    assert torch.equal(network.scores(empty), network.base.scores(empty[:-1]))


def test_the_gate_is_learned_and_the_counts_are_not() -> None:
    """Gradients reach the gate and the base; the rows are buffers."""
    network = make_network(TransitionOffsetConfig(base=SMALL_LSTM), *random_sessions()).train()
    output, _ = network(torch.tensor([[1, 2, 3]]), torch.zeros(1, 3, 0), network.initial_state(1))
    functional.cross_entropy(network.item_scores(output[0]), torch.tensor([2, 3, 4])).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    names = {name for name, parameter in network.named_parameters() if parameter.grad is not None}
    assert {"gate.weight", "gate.bias", "base.items.embedding.weight"} <= names
    assert not any(name.startswith("successors") for name, _ in network.named_parameters())
