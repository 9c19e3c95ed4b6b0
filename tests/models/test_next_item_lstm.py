import msgspec
import pytest
import torch

from models.next_item_lstm import NextItemLSTM, NextItemLSTMConfig

SHAPES = [
    NextItemLSTMConfig(item_count=11, embedding_size=6, hidden_size=6),
    NextItemLSTMConfig(item_count=11, embedding_size=5, hidden_size=8, layers=3, feature_width=2),
    NextItemLSTMConfig(item_count=11, embedding_size=5, hidden_size=8, layers=2, tied=False),
]


def make_network(config: NextItemLSTMConfig) -> NextItemLSTM:
    """An untrained network with repeatable weights, in evaluation mode."""
    torch.manual_seed(3)
    return NextItemLSTM(config).eval()


@pytest.mark.parametrize("config", SHAPES)
def test_chained_steps_equal_one_forward_pass(config: NextItemLSTMConfig) -> None:
    """The stream's way through a session and the training's lead to the same states and the same scores."""
    network = make_network(config)
    item_index = torch.randint(config.item_count, (4, 9))
    features = torch.randn(4, 9, config.feature_width)
    with torch.inference_mode():
        output, (hidden, cell) = network(item_index, features, network.initial_state(4))
        stepped_hidden, stepped_cell = network.initial_state(4)
        for click in range(9):
            stepped_hidden, stepped_cell = network.step(
                item_index[:, click], features[:, click], stepped_hidden, stepped_cell
            )
            torch.testing.assert_close(network.scores(stepped_hidden), network.item_scores(output[:, click]))
        torch.testing.assert_close(stepped_hidden, hidden)
        torch.testing.assert_close(stepped_cell, cell)
    assert hidden.shape == cell.shape == (4, config.layers, config.hidden_size)


def test_a_forward_pass_in_two_pieces_equals_one_in_one() -> None:
    """State is an argument and a result: a session may be cut anywhere."""
    network = make_network(SHAPES[1])
    item_index, features = torch.randint(11, (2, 7)), torch.randn(2, 7, 2)
    with torch.inference_mode():
        whole, _ = network(item_index, features, network.initial_state(2))
        head, state = network(item_index[:, :3], features[:, :3], network.initial_state(2))
        tail, _ = network(item_index[:, 3:], features[:, 3:], state)
    torch.testing.assert_close(torch.cat((head, tail), dim=1), whole)


def test_a_tied_network_has_one_table() -> None:
    """Its scores are the dot products with the embedding itself, plus the bias."""
    network = make_network(SHAPES[0])
    output = torch.randn(2, 6)
    expected = output @ network.embedding.weight.T + network.output_bias
    torch.testing.assert_close(network.item_scores(output), expected)
    assert sum(name.endswith("table") for name, _ in network.named_parameters()) == 0


def test_an_untied_network_scores_by_a_table_of_its_own() -> None:
    """Moving the embedding does not move the scores of a given output."""
    network = make_network(SHAPES[2])
    output = torch.randn(2, 5)
    with torch.inference_mode():
        before = network.item_scores(output)
        network.embedding.weight += 1.0
        torch.testing.assert_close(network.item_scores(output), before)


def test_features_reach_the_state() -> None:
    """The same item with another gap leads elsewhere."""
    network = make_network(SHAPES[1])
    hidden, cell = network.initial_state(1)
    item_index = torch.tensor([4])
    one, _ = network.step(item_index, torch.tensor([[0.0, 1.0]]), hidden, cell)
    other, _ = network.step(item_index, torch.tensor([[2.0, 1.0]]), hidden, cell)
    assert not torch.allclose(one, other)


def test_dropout_is_for_training_only() -> None:
    """In training two passes differ, in evaluation they do not."""
    config = NextItemLSTMConfig(
        item_count=11, embedding_size=6, hidden_size=6, embedding_dropout=0.5, output_dropout=0.5
    )
    network = make_network(config)
    item_index, features = torch.randint(11, (2, 5)), torch.zeros(2, 5, 0)

    def run() -> torch.Tensor:
        with torch.inference_mode():
            return network.forward(item_index, features, network.initial_state(2))[0]

    assert torch.equal(run(), run())
    network.train()
    assert not torch.equal(run(), run())


def test_a_config_survives_json() -> None:
    """A checkpoint stores it, and builds the network again from it."""
    assert msgspec.json.decode(msgspec.json.encode(SHAPES[1]), type=NextItemLSTMConfig) == SHAPES[1]
