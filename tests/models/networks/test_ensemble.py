import numpy as np
import pytest
import torch

from models.errors import SettingsError
from models.networks.ensemble import AddingEnsemble, EnsembleConfig, EnsembleNetwork, MemberSection
from models.networks.gru import GRUConfig
from models.networks.item_knn import ItemKNNConfig
from models.networks.lstm import LSTMConfig
from models.networks.markov import MarkovConfig, MarkovNetwork
from models.networks.popularity import PopularityConfig
from models.networks.sequence_network import NetworkInputs
from models.networks.transition_offset import TransitionOffsetConfig
from models.training.config import parse_training_config
from tests.encoded import make_sessions
from tests.models.networks.contract import check_chained_steps, check_two_pieces

ITEMS = 11
LSTM, GRU = LSTMConfig(embedding_size=6, hidden_size=6), GRUConfig(embedding_size=5, hidden_size=8, layers=2)
ALL = EnsembleConfig(
    (
        MemberSection(LSTMConfig(embedding_size=6, hidden_size=6, repeat_window=2), weight=0.5),
        MemberSection(TransitionOffsetConfig(base=GRU, successors=3), weight=2.0),
        MemberSection(MarkovConfig(successors=4), weight=0.25),
        MemberSection(ItemKNNConfig(last_items=3, neighbours=4), weight=1.5),
        MemberSection(PopularityConfig(), weight=0.1),
    )
)


def make_ensemble(config: EnsembleConfig, *, feature_width: int = 0) -> EnsembleNetwork:
    """Untrained members that have counted random sessions."""
    torch.manual_seed(3)
    draw = np.random.default_rng(5)
    network = config.build(NetworkInputs(ITEMS, feature_width))
    network.fit(make_sessions(*(draw.integers(ITEMS, size=7).tolist() for _ in range(30))))
    return network.eval()


def test_the_stream_leads_where_training_does() -> None:
    """Chained steps and sessions in pieces, with features that some members do not look at."""
    network = make_ensemble(ALL, feature_width=2)
    check_chained_steps(network, clicks=9)
    check_two_pieces(network, clicks=7, cut=3)


def test_dot_products_are_one_and_scores_are_the_weighted_sum() -> None:
    """Query @ table + offset + additions: a member's weighted scores, but for a count's level, which is everybody's."""
    network = make_ensemble(ALL)
    assert isinstance(network, AddingEnsemble)
    state = network.initial_state(2)
    for clicks in ([1, 7], [4, 4], [0, 9]):
        state = network.step(torch.tensor(clicks), torch.zeros(2, 0), state)
    composed = network.query(state) @ network.item_table.T + network.item_offset
    torch.testing.assert_close(network.additions(state).added_to(composed), network.scores(state))

    expected, begin = torch.zeros(2, ITEMS), 0
    for weight, member in zip(network.weights, network.members, strict=True):
        own = state[begin : begin + len(member.state_shapes)]
        expected += weight * member.scores(own)
        if isinstance(member, MarkovNetwork):
            expected -= weight * member.query(own)
        begin += len(member.state_shapes)
    torch.testing.assert_close(network.scores(state), expected)


def test_networks_alone_add_nothing() -> None:
    """Two networks with dot products are one with longer queries, (B, 6 + 5)."""
    network = make_ensemble(EnsembleConfig((MemberSection(LSTM, weight=0.5), MemberSection(GRU))))
    assert not hasattr(network, "additions")
    assert network.item_table.shape == (ITEMS, 11)
    assert list(network.state_shapes.items()) == [
        ("member_1_hidden", (1, 6)),
        ("member_1_cell", (1, 6)),
        ("member_2_hidden", (2, 8)),
    ]


def test_the_same_network_twice_has_two_beginnings() -> None:
    """Other first weights, so that there is something to add."""
    network = make_ensemble(EnsembleConfig((MemberSection(LSTM), MemberSection(LSTM))))
    first, second = (member.item_table for member in network.members)
    assert not torch.equal(first, second)


def test_counts_alone_are_refused() -> None:
    """There is nothing to compose; the message says what is missing."""
    with pytest.raises(SettingsError, match="an ensemble needs a member that is trained"):
        parse_training_config(b'[network]\nkind = "ensemble"\n[[network.members]]\nnetwork = {kind = "markov"}', "made")
