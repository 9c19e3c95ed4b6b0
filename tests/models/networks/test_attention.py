import msgspec
import pytest
import torch

from models.errors import SettingsError
from models.networks.attention import AttentionConfig
from models.networks.sequence_network import NetworkInputs
from models.networks.window_attention import WindowAttention
from tests.models.networks.contract import check_chained_steps, check_two_pieces, make_network, share_remembered

SMALL = AttentionConfig(embedding_size=6, heads=2, layers=2, window=3, feed_forward_size=7)
NETWORKS = [SMALL, msgspec.structs.replace(SMALL, layers=3, window=2), msgspec.structs.replace(SMALL, tied=False)]


@pytest.mark.parametrize("config", NETWORKS)
def test_chained_steps_equal_one_forward_pass(config: AttentionConfig) -> None:
    """Computed from the ring or in a pass over a session that is longer than the ring: the same."""
    assert config.ring_length < 9
    check_chained_steps(make_network(config), clicks=9)


@pytest.mark.parametrize("cut", [1, 3, 6])
def test_a_forward_pass_in_two_pieces_equals_one_in_one(cut: int) -> None:
    """The second piece looks back into the ring."""
    check_two_pieces(make_network(SMALL), clicks=7, cut=cut)


def test_it_remembers_the_first_click() -> None:
    """Three clicks ago, within the window."""
    config = AttentionConfig(
        embedding_size=16, layers=1, window=4, feed_forward_size=16, dropout=0.0, attention_dropout=0.0
    )
    assert share_remembered(config, updates=80) > 0.95


def test_it_forgets_what_left_the_ring() -> None:
    """An output depends on L (W - 1) + 1 clicks, here 5: the one before them makes no difference, the oldest does."""
    network = make_network(SMALL)
    assert network.state_shapes == {"ring": (5,)}
    sessions = torch.tensor([[1, 2, 3, 4, 5, 6], [7, 2, 3, 4, 5, 6], [1, 8, 3, 4, 5, 6]])
    with torch.inference_mode():
        output, (ring,) = network(sessions, torch.zeros(3, 6, 0), network.initial_state(3))
    assert torch.equal(output[0, -1], output[1, -1])
    assert not torch.allclose(output[0, -1], output[2, -1])
    assert ring.tolist() == [[3, 4, 5, 6, 7], [3, 4, 5, 6, 7], [9, 4, 5, 6, 7]]


def test_it_looks_at_no_later_click() -> None:
    """The output after a click is that of a session that ends with it."""
    network = make_network(SMALL)
    with torch.inference_mode():
        whole, _ = network(torch.tensor([[1, 2, 3, 4]]), torch.zeros(1, 4, 0), network.initial_state(1))
        ended, _ = network(torch.tensor([[1, 2]]), torch.zeros(1, 2, 0), network.initial_state(1))
    torch.testing.assert_close(whole[:, :2], ended)


def test_attention_weights_by_hand() -> None:
    """One head that compares nothing and gives what it sees: the mean of the clicks in the window, weighted by age."""
    attention = WindowAttention(2, 1, 2, dropout=0.0)
    with torch.no_grad():
        for layer in (attention.query, attention.key):
            torch.nn.init.zeros_(layer.weight)
            torch.nn.init.zeros_(layer.bias)
        for layer in (attention.value, attention.output):
            torch.nn.init.eye_(layer.weight)
            torch.nn.init.zeros_(layer.bias)
        attention.age_bias.copy_(torch.tensor([[0.0, torch.tensor(3.0).log()]]))  # a click ago counts three times
        inputs = torch.tensor([[[4.0, 0.0], [8.0, 4.0], [0.0, 4.0]]])
        seen = attention(inputs, torch.tensor([[False, True, True]]))
    torch.testing.assert_close(seen, torch.tensor([[[8.0, 4.0], [6.0, 4.0]]]))


def test_features_are_refused() -> None:
    """The ring would have to remember them too."""
    with pytest.raises(SettingsError, match="leave `features` out"):
        SMALL.build(NetworkInputs(11, 2))


def test_heads_must_divide_the_embedding() -> None:
    """Said when the configuration is read."""
    with pytest.raises(msgspec.ValidationError, match="embedding_size 6 is no multiple of heads 4"):
        msgspec.json.decode(b'{"kind": "attention", "embedding_size": 6, "heads": 4}', type=AttentionConfig)
