import msgspec
import pytest
import torch

from models.networks.gru import GRUConfig
from models.networks.item_table import ItemTable
from models.networks.kinds import NetworkConfig
from models.networks.lstm import LSTMConfig
from models.networks.recurrent_stack import RecurrentStack
from models.networks.sequence_network import NetworkInputs

ITEMS, FEATURES = 11, 2
STACKS: list[LSTMConfig | GRUConfig] = [
    LSTMConfig(embedding_size=6, hidden_size=6),
    LSTMConfig(embedding_size=5, hidden_size=8, layers=3, tied=False),
    LSTMConfig(embedding_size=5, hidden_size=8, layers=3, residual=True, layer_norm=True),
    GRUConfig(embedding_size=6, hidden_size=6),
    GRUConfig(embedding_size=5, hidden_size=8, layers=2, residual=True),
    GRUConfig(embedding_size=5, hidden_size=8, layers=2, layer_norm=True),
    GRUConfig(embedding_size=6, hidden_size=6, state_dropout=0.5, first_weights="glorot"),
]


def make_network(config: LSTMConfig | GRUConfig) -> RecurrentStack:
    """An untrained network with repeatable weights, in evaluation mode."""
    torch.manual_seed(3)
    network = config.build(NetworkInputs(ITEMS, FEATURES)).eval()
    assert isinstance(network, RecurrentStack)
    for norm in network.norms.parameters():
        torch.nn.init.normal_(norm)
    return network


def draw_clicks(users: int, clicks: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Items and features at random."""
    return torch.randint(ITEMS, (users, clicks)), torch.randn(users, clicks, FEATURES)


@pytest.mark.parametrize("config", STACKS)
def test_chained_steps_equal_one_forward_pass(config: LSTMConfig | GRUConfig) -> None:
    """The stream's way through a session and the training's lead to the same states and the same scores."""
    network = make_network(config)
    item_index, features = draw_clicks(4, 9)
    with torch.inference_mode():
        output, state = network(item_index, features, network.initial_state(4))
        stepped = network.initial_state(4)
        for click in range(9):
            stepped = network.step(item_index[:, click], features[:, click], stepped)
            torch.testing.assert_close(network.query(stepped), output[:, click])
            torch.testing.assert_close(network.scores(stepped), network.item_scores(output[:, click]))
    assert [tensor.shape for tensor in state] == [(4, *shape) for shape in network.state_shapes.values()]
    for whole, chained in zip(state, stepped, strict=True):
        torch.testing.assert_close(chained, whole)


@pytest.mark.parametrize("config", STACKS)
def test_a_forward_pass_in_two_pieces_equals_one_in_one(config: LSTMConfig | GRUConfig) -> None:
    """State is an argument and a result: a session may be cut anywhere."""
    network = make_network(config)
    item_index, features = draw_clicks(2, 7)
    with torch.inference_mode():
        whole, _ = network(item_index, features, network.initial_state(2))
        head, state = network(item_index[:, :3], features[:, :3], network.initial_state(2))
        tail, _ = network(item_index[:, 3:], features[:, 3:], state)
    torch.testing.assert_close(torch.cat((head, tail), dim=1), whole)


@pytest.mark.parametrize(
    ("config", "shapes"),
    [
        (LSTMConfig(hidden_size=4, layers=2), {"hidden": (2, 4), "cell": (2, 4)}),
        (GRUConfig(hidden_size=4, layers=2), {"hidden": (2, 4)}),
    ],
)
def test_a_state_is_named(config: LSTMConfig | GRUConfig, shapes: dict[str, tuple[int, ...]]) -> None:
    """An LSTM's has two tensors, a GRU's one."""
    assert make_network(config).state_shapes == shapes


def test_a_residual_stack_is_the_sum_of_its_layers() -> None:
    """Without it the query is the top layer's hidden state alone."""
    state = (torch.arange(12.0).view(1, 3, 4), torch.zeros(1, 3, 4))
    plain = make_network(LSTMConfig(embedding_size=4, hidden_size=4, layers=3))
    residual = make_network(LSTMConfig(embedding_size=4, hidden_size=4, layers=3, residual=True))
    assert plain.query(state).tolist() == [[8, 9, 10, 11]]
    assert residual.query(state).tolist() == [[12, 15, 18, 21]]


def test_a_tied_network_has_one_table() -> None:
    """Its scores are the dot products with the embedding itself, plus the bias."""
    network = make_network(STACKS[0])
    assert isinstance(network.items, ItemTable)
    output = torch.randn(2, 6)
    expected = output @ network.items.embedding.weight.T + network.items.output_bias
    torch.testing.assert_close(network.item_scores(output), expected)
    assert sum(name.endswith("table") for name, _ in network.named_parameters()) == 0


def test_an_untied_network_scores_by_a_table_of_its_own() -> None:
    """Moving the embedding does not move the scores of a given output."""
    network = make_network(STACKS[1])
    assert isinstance(network.items, ItemTable)
    output = torch.randn(2, 5)
    with torch.inference_mode():
        before = network.item_scores(output)
        network.items.embedding.weight += 1.0
        torch.testing.assert_close(network.item_scores(output), before)


def test_features_reach_the_state() -> None:
    """The same item with another gap leads elsewhere."""
    network = make_network(STACKS[1])
    item_index = torch.tensor([4])
    one, _ = network.step(item_index, torch.tensor([[0.0, 1.0]]), network.initial_state(1))
    other, _ = network.step(item_index, torch.tensor([[2.0, 1.0]]), network.initial_state(1))
    assert not torch.allclose(one, other)


def test_dropout_is_for_training_only() -> None:
    """In training two passes differ, in evaluation they do not."""
    network = make_network(LSTMConfig(embedding_size=6, hidden_size=6, embedding_dropout=0.5, output_dropout=0.5))
    item_index, features = draw_clicks(2, 5)

    def run() -> torch.Tensor:
        with torch.inference_mode():
            return network.forward(item_index, features, network.initial_state(2))[0]

    assert torch.equal(run(), run())
    network.train()
    assert not torch.equal(run(), run())


def test_what_state_dropout_leaves_of_an_output_is_what_goes_on() -> None:
    """A third of the components is zero after a click, in the output and in the state; the others are scaled up."""
    config = GRUConfig(
        embedding_size=60, hidden_size=60, embedding_dropout=0.0, output_dropout=0.0, state_dropout=1 / 3
    )
    network = make_network(config)
    item_index, features = draw_clicks(50, 1)
    whole, _ = network(item_index, features, network.initial_state(50))
    output, (hidden,) = network.train()(item_index, features, network.initial_state(50))
    left = output != 0
    assert torch.equal(hidden, output)
    assert float(left.float().mean()) == pytest.approx(2 / 3, abs=0.05)
    torch.testing.assert_close(output[left], whole[left] * 1.5)


def test_state_dropout_strikes_after_every_click_of_a_piece() -> None:
    """One pass over three clicks is three passes over one, by the same draws."""
    network = make_network(GRUConfig(embedding_size=6, hidden_size=6, embedding_dropout=0.0, state_dropout=0.5))
    network.output_dropout.p = 0.0
    item_index, features = draw_clicks(4, 3)
    network.train()
    torch.manual_seed(5)
    whole, _ = network(item_index, features, network.initial_state(4))
    torch.manual_seed(5)
    state, outputs = network.initial_state(4), []
    for click in range(3):
        output, state = network(item_index[:, click, None], features[:, click, None], state)
        outputs.append(output)
    torch.testing.assert_close(torch.cat(outputs, dim=1), whole)


def test_glorots_first_weights_are_as_large_as_rows_and_columns_say() -> None:
    """11 items of 40 components, and three gates of 40 units over 42 inputs and over 40; no layer has a bias."""
    network = make_network(GRUConfig(embedding_size=40, hidden_size=40, first_weights="glorot"))
    largest = {name: float(parameter.detach().abs().max()) for name, parameter in network.named_parameters()}
    assert largest == {
        "items.embedding.weight": pytest.approx((6 / 51) ** 0.5, rel=0.05),
        "items.output_bias": 0.0,
        "layers.0.weight_ih_l0": pytest.approx((6 / 82) ** 0.5, rel=0.05),
        "layers.0.weight_hh_l0": pytest.approx((6 / 80) ** 0.5, rel=0.05),
        "layers.0.bias_ih_l0": 0.0,
        "layers.0.bias_hh_l0": 0.0,
    }


@pytest.mark.parametrize("config", STACKS)
def test_a_config_survives_json(config: NetworkConfig) -> None:
    """A checkpoint stores it by its kind, and builds the network again from it."""
    assert msgspec.json.decode(msgspec.json.encode(config), type=NetworkConfig) == config
