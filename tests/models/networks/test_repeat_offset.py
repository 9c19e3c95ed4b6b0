import pytest
import torch

from models.networks.attention import AttentionConfig
from models.networks.gru import GRUConfig
from models.networks.lru import LRUConfig
from models.networks.lstm import LSTMConfig
from models.networks.repeat_offset import RepeatOffset
from tests.models.networks.contract import check_chained_steps, check_two_pieces, make_network

RepeatingConfig = LSTMConfig | GRUConfig | LRUConfig | AttentionConfig

CONFIGS: list[RepeatingConfig] = [
    LSTMConfig(embedding_size=6, hidden_size=6, repeat_window=3),
    GRUConfig(embedding_size=5, hidden_size=8, layers=2, repeat_window=2),
    LRUConfig(embedding_size=6, hidden_size=4, feed_forward_size=8, repeat_window=3),
    AttentionConfig(embedding_size=6, window=3, feed_forward_size=8, repeat_window=4),
]


def make_repeating(config: RepeatingConfig) -> RepeatOffset:
    """A network that adds something to its last items' scores."""
    network = make_network(config, feature_width=0 if isinstance(config, AttentionConfig) else 2)
    assert isinstance(network, RepeatOffset)
    torch.nn.init.normal_(network.repeats.weight)
    torch.nn.init.normal_(network.repeats.bias)
    return network


@pytest.mark.parametrize("config", CONFIGS)
def test_the_stream_goes_the_way_of_training(config: RepeatingConfig) -> None:
    """Step by step, and cut in two."""
    network = make_repeating(config)
    check_chained_steps(network, clicks=7)
    check_two_pieces(network, clicks=7, cut=2)


def test_each_of_the_last_items_is_added_to() -> None:
    """After clicks on 4, 7, 9 and 7 a window of 3 knows 7, 9 and 7 again: the bias of the first and the third for 7."""
    network = make_repeating(CONFIGS[0])
    with torch.no_grad():
        network.repeats.weight.zero_()
        network.repeats.bias.copy_(torch.tensor([1.0, 2.0, 4.0]))
    state = network.initial_state(1)
    for item in (4, 7, 9, 7):
        state = network.step(torch.tensor([item]), torch.zeros(1, 2), state)
    added = network.scores(state) - network.network.scores(state[:-1])
    expected = torch.zeros(1, 11)
    expected[0, 7], expected[0, 9] = 5.0, 2.0
    torch.testing.assert_close(added, expected)
    assert network.additions(state).item_index.tolist() == [[7, 9, 7]]


def test_who_clicked_nothing_has_nothing_added() -> None:
    """The first item of the catalogue is not mistaken for an empty place."""
    network = make_repeating(CONFIGS[0])
    nobody = network.initial_state(2)
    torch.testing.assert_close(network.scores(nobody), network.network.scores(nobody[:-1]))
    assert network.additions(nobody).item_index.tolist() == [[-1] * 3] * 2


def test_nothing_is_added_before_anything_is_learned() -> None:
    """A new network scores as one without the offset does."""
    network = make_network(CONFIGS[0])
    assert isinstance(network, RepeatOffset)
    state = network.step(torch.tensor([3]), torch.zeros(1, 0), network.initial_state(1))
    torch.testing.assert_close(network.scores(state), network.network.scores(state[:-1]))


def test_the_last_items_are_stored_as_whole_numbers() -> None:
    """float16 would lose the rows of a catalogue beyond 2,048 items."""
    network = make_repeating(CONFIGS[1])
    assert network.row_number_tensors == {"last_items"}
    assert network.state_shapes == {"hidden": (2, 8), "last_items": (2,)}
