"""What every network promises, to be tested for each kind: the stream's way through a session is the training's."""

import torch
from torch.nn import functional

from models.networks.kinds import NetworkConfig
from models.networks.sequence_network import NetworkInputs, SequenceNetwork

ITEMS = 11


def make_network(config: NetworkConfig, *, item_count: int = ITEMS, feature_width: int = 0) -> SequenceNetwork:
    """An untrained network with repeatable weights, in evaluation mode; its norms scale and shift."""
    torch.manual_seed(3)
    network = config.build(NetworkInputs(item_count, feature_width)).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.LayerNorm):
            for parameter in module.parameters():
                torch.nn.init.normal_(parameter)
    return network


def draw_clicks(network: SequenceNetwork, users: int, clicks: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Items and features at random."""
    return torch.randint(ITEMS, (users, clicks)), torch.randn(users, clicks, network.feature_width)


def check_chained_steps(network: SequenceNetwork, *, clicks: int) -> None:
    """Chained steps lead to the states, the outputs and the scores of one forward pass."""
    item_index, features = draw_clicks(network, 4, clicks)
    with torch.inference_mode():
        output, state = network(item_index, features, network.initial_state(4))
        stepped = network.initial_state(4)
        for click in range(clicks):
            stepped = network.step(item_index[:, click], features[:, click], stepped)
            torch.testing.assert_close(network.output_of(stepped), output[:, click])
            torch.testing.assert_close(network.scores(stepped), network.item_scores(output[:, click]))
    assert [tensor.shape for tensor in state] == [(4, *shape) for shape in network.state_shapes.values()]
    for whole, chained in zip(state, stepped, strict=True):
        torch.testing.assert_close(chained, whole)


def check_two_pieces(network: SequenceNetwork, *, clicks: int, cut: int) -> None:
    """A session may be cut anywhere: the state is all that the second piece needs of the first."""
    item_index, features = draw_clicks(network, 2, clicks)
    with torch.inference_mode():
        whole, state_of_whole = network(item_index, features, network.initial_state(2))
        head, state = network(item_index[:, :cut], features[:, :cut], network.initial_state(2))
        tail, state = network(item_index[:, cut:], features[:, cut:], state)
    torch.testing.assert_close(torch.cat((head, tail), dim=1), whole)
    for of_whole, of_pieces in zip(state_of_whole, state, strict=True):
        torch.testing.assert_close(of_pieces, of_whole)


def share_remembered(config: NetworkConfig, *, updates: int, learning_rate: float = 0.03) -> float:
    """Teach a network that the click after three others is the first one's partner; return how often it knows.

    Items 0 to 3 have the partners 4 to 7; between lie clicks at random on 8 to 10. Without memory of the first click
    one of four guesses is right.
    """
    torch.manual_seed(3)
    network = config.build(NetworkInputs(ITEMS)).train()
    optimiser = torch.optim.Adam(network.parameters(), lr=learning_rate)
    for _ in range(updates):
        output, first = _output_before_partner(network)
        optimiser.zero_grad()
        loss = functional.cross_entropy(network.item_scores(output), first + 4)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimiser.step()
    with torch.inference_mode():
        output, first = _output_before_partner(network.eval())
        return float((network.item_scores(output).argmax(dim=1) == first + 4).float().mean())


def _output_before_partner(network: SequenceNetwork) -> tuple[torch.Tensor, torch.Tensor]:
    first = torch.randint(4, (64, 1))
    item_index = torch.cat((first, torch.randint(8, 11, (64, 3))), dim=1)
    output, _ = network(item_index, torch.zeros(64, 4, network.feature_width), network.initial_state(64))
    return output[:, -1], first[:, 0]
