import msgspec
import pytest
import torch
from torch.nn import functional

from models.networks.seq2seq import Seq2SeqConfig, Seq2SeqNetwork
from models.networks.sequence_network import NetworkInputs, SequenceNetwork
from tests.models.networks.contract import check_chained_steps, check_two_pieces, make_network

SMALL = Seq2SeqConfig(
    embedding_size=6, hidden_size=5, decoder_size=7, written_items=3, candidates=8, beams=2, output_dropout=0.0
)


def make(config: Seq2SeqConfig = SMALL) -> Seq2SeqNetwork:
    """An untrained network of eleven items that are not all alike."""
    network = make_network(config)
    assert isinstance(network, Seq2SeqNetwork)
    torch.nn.init.normal_(network.encoder.items.output_bias)
    return network


def a_state(network: SequenceNetwork, users: int) -> tuple[torch.Tensor, ...]:
    """States that differ."""
    return tuple(torch.randn(users, *shape) for shape in network.state_shapes.values())


@pytest.mark.parametrize("feature_width", [0, 2])
def test_chained_steps_equal_one_forward_pass(feature_width: int) -> None:
    """The encoder's state, and the lists that are written from it."""
    check_chained_steps(make_network(SMALL, feature_width=feature_width), clicks=9)


def test_a_forward_pass_in_two_pieces_equals_one_in_one() -> None:
    """The state is all that the writer needs."""
    check_two_pieces(make_network(SMALL), clicks=7, cut=3)


def test_the_list_is_the_written_sequence_and_then_the_first_step() -> None:
    """The greedy writer step by step, in torch's own LSTM: none twice, scores strictly descending."""
    network = make(msgspec.structs.replace(SMALL, beams=1))
    state = a_state(network, 4)
    decoder, items = network.decoder, network.encoder.items
    with torch.inference_mode():
        top = torch.topk(network.scores(state), 11)
        encoded = network.query(state)
        vectors = decoder(encoded, torch.zeros(4, 0, 6))
        first = torch.log_softmax(network.encoder.item_scores(vectors[:, 0]), dim=1)
        candidates = torch.topk(first, 8).indices
        for user in range(4):
            written = [int(first[user].argmax())]
            scores = [first[user].max()]
            for _ in range(2):
                vectors = decoder(encoded[user : user + 1], items.embedding(torch.tensor([written])))
                logits = network.encoder.item_scores(vectors[:, -1])[0]
                left = [item for item in candidates[user].tolist() if item not in written]
                log_probability = torch.log_softmax(logits[left], dim=0)
                scores.append(scores[-1] + log_probability.max())
                written.append(left[int(log_probability.argmax())])
            behind = [item for item in torch.argsort(first[user], descending=True).tolist() if item not in written]
            assert top.indices[user].tolist() == written + behind
            expected = torch.stack([*scores, *(scores[-1] + first[user, item] for item in behind)])
            torch.testing.assert_close(top.values[user], expected)
            assert (top.values[user].diff() < 0).all()


def test_what_may_not_be_listed_is_never_written() -> None:
    """Excluded items leave no trace: the others are what a catalogue without them gives; a bias raises an item."""
    network = make()
    state = a_state(network, 3)
    bias = torch.zeros(3, 11)
    bias[:, [2, 5]] = -torch.inf
    bias[1, 7] = 30.0
    with torch.inference_mode():
        scores = network.list_scores(state, bias)
        free = network.scores(state)
    assert torch.isneginf(scores[:, [2, 5]]).all()
    assert torch.isfinite(scores[:, [0, 1, 3, 4, 6, 7, 8, 9, 10]]).all()
    assert scores[1].argmax() == 7
    # As if the network did not know the two items.
    with torch.no_grad():
        network.encoder.items.output_bias[[2, 5]] = -1e9
        torch.testing.assert_close(network.scores(state)[0, :2], scores[0, :2])
    assert not torch.equal(free[0], scores[0])


def test_fewer_items_than_places() -> None:
    """With two items left, or none, the list ends, and no score is not a number."""
    network = make()
    state = a_state(network, 2)
    bias = torch.full((2, 11), -torch.inf)
    bias[0, [4, 9]] = 0.0
    with torch.inference_mode():
        scores = network.list_scores(state, bias)
    assert torch.isfinite(scores).nonzero().tolist() == [[0, 4], [0, 9]]
    assert torch.isneginf(scores[1]).all()


def test_each_click_teaches_those_that_follow_it_in_its_piece() -> None:
    """Two sessions of three and two clicks; a second click on an item is fed and not learned."""
    network = make()
    output = torch.randn(2, 3, 6)
    click = torch.tensor([0, 1, 2, 3, 4])
    target = torch.tensor([7, 8, 7, 4, 5])
    seen: list[tuple[int, ...]] = []

    def loss(of: SequenceNetwork, vectors: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        assert of is network.encoder
        seen.append((*items.tolist(), len(vectors)))
        return functional.cross_entropy(of.item_scores(vectors), items, reduction="sum")

    ahead = network._clicks_ahead(output, click, target)
    assert ahead.tolist() == [[7, 8, 7], [8, 7, -1], [7, -1, -1], [4, 5, -1], [5, -1, -1]]
    summed = network.training_loss(loss, output, click, target)
    assert seen == [(7, 8, 8, 7, 7, 4, 5, 5, 8)]
    assert summed.isfinite()


def test_it_learns_to_write_what_follows() -> None:
    """Sessions walk the items in a circle: after each click the next three are written in their order."""
    torch.manual_seed(2)
    config = Seq2SeqConfig(
        embedding_size=12,
        hidden_size=12,
        decoder_size=12,
        written_items=3,
        beams=2,
        embedding_dropout=0.0,
        output_dropout=0.0,
    )
    network = config.build(NetworkInputs(7))
    optimiser = torch.optim.Adam(network.parameters(), lr=0.03)
    sessions = (torch.arange(7)[:, None] + torch.arange(6)) % 7

    def loss(of: SequenceNetwork, vectors: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(of.item_scores(vectors), items, reduction="sum")

    for _ in range(60):
        output, _ = network(sessions[:, :5], torch.zeros(7, 5, 0), network.initial_state(7))
        optimiser.zero_grad()
        summed = network.training_loss(loss, output, torch.arange(35), sessions[:, 1:].flatten())
        summed.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimiser.step()
    with torch.inference_mode():
        state = network.step(torch.arange(7), torch.zeros(7, 0), network.initial_state(7))
        listed = torch.topk(network.eval().scores(state), 3).indices
    assert listed.tolist() == ((torch.arange(7)[:, None] + torch.arange(1, 4)) % 7).tolist()


def test_repeated_items_get_no_score_of_their_own() -> None:
    """What the encoder alone could do is refused, not ignored."""
    with pytest.raises(msgspec.ValidationError, match="repeat_window must be 0"):
        msgspec.json.decode(b'{"kind": "seq2seq", "repeat_window": 3}', type=Seq2SeqConfig)
