import pytest
import torch
from msgspec.structs import replace
from torch import nn

from models.errors import DataError
from models.items.item_contents import ContentConfig
from models.items.text_vocabulary import TextVocabulary
from models.networks.content_lstm import ContentLSTMConfig, ContentLSTMNetwork, reads_contents, with_fixed_items
from models.networks.repeat_offset import RepeatOffset
from models.networks.sequence_network import NetworkInputs
from models.networks.text_encoder import TextConfig, TextEncoder, cropped, with_word_dropout
from models.sequences.vocabulary import ItemId, ItemVocabulary
from tests.models.content import CATALOGUE, SMALL, WARM, items_of, make_content_network, make_reader

CONFIGS = [
    SMALL,
    replace(SMALL, use_ids=True),
    replace(SMALL, text=TextConfig(token_size=4, hidden_size=3, bidirectional=False, pooling="last")),
    ContentLSTMConfig(embedding_size=4, hidden_size=4, text=TextConfig(token_size=4, hidden_size=4, pooling="mean")),
    ContentLSTMConfig(4, 4, content=ContentConfig((), fields=(("category",), ("title",)), min_word_count=1)),
    replace(SMALL, repeat_window=3),
]
TOKENS = torch.tensor([[2, 5, 6, 7, 3, 8, 0, 0], [2, 5, 0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0]])


@pytest.mark.parametrize("config", CONFIGS)
def test_chained_steps_equal_one_forward_pass(config: ContentLSTMConfig) -> None:
    """The stream's way through a session and the training's lead to the same scores."""
    network = make_content_network(config)
    item_index, features = torch.randint(len(WARM), (4, 7)), torch.randn(4, 7, 2)
    with torch.inference_mode():
        output, _ = network(item_index, features, network.initial_state(4))
        state = network.initial_state(4)
        for click in range(7):
            state = network.step(item_index[:, click], features[:, click], state)
            torch.testing.assert_close(network.scores(state), network.item_scores(output[:, click]))


@pytest.mark.parametrize("config", CONFIGS)
def test_fixed_items_score_as_the_contents_do(config: ContentLSTMConfig) -> None:
    """What is served is an LSTM over a table, with the items that training never saw behind the others."""
    network = make_content_network(config)
    every = ItemVocabulary([*WARM.item_ids, *map(ItemId, ("item-11", "item-9", "item-10"))])
    fixed = with_fixed_items(network, make_reader(config).read(CATALOGUE, every))
    item_index, features = torch.randint(len(WARM), (4, 7)), torch.randn(4, 7, 2)
    with torch.inference_mode():
        scores = fixed.sequence_scores(item_index, features)
        assert scores.shape == (4, 7, 12)
        torch.testing.assert_close(scores[..., : len(WARM)], network.sequence_scores(item_index, features))
    assert scores[..., len(WARM) :].std() > 0


def test_coming_back_to_a_cold_item_is_scored_as_to_any_other() -> None:
    """The last of twelve items, never seen in training, was clicked: 7 is added to its score, and to no other."""
    config = replace(SMALL, repeat_window=1)
    network = make_content_network(config, feature_width=0)
    assert isinstance(network, RepeatOffset)
    nn.init.zeros_(network.repeats.weight)
    nn.init.constant_(network.repeats.bias, 7.0)
    every = ItemVocabulary([*WARM.item_ids, *map(ItemId, ("item-11", "item-9", "item-10"))])
    fixed = with_fixed_items(network, make_reader(config).read(CATALOGUE, every))
    assert isinstance(fixed, RepeatOffset)
    click, features = torch.tensor([[11]]), torch.zeros(1, 1, 0)
    with torch.inference_mode():
        added = fixed.sequence_scores(click, features) - fixed.network.sequence_scores(click, features)
    torch.testing.assert_close(added[0, 0], 7 * torch.eye(12)[11])


def test_an_items_vector_does_not_depend_on_the_others() -> None:
    """Alone, or beside longer texts: its own end is its end."""
    encoder = TextEncoder(TextConfig(token_size=4, hidden_size=3), TextVocabulary(("title", "author"), ("a",) * 5))
    encoder.eval()
    with torch.inference_mode():
        together = encoder(TOKENS)
        for row, tokens in enumerate(TOKENS):
            torch.testing.assert_close(encoder(tokens[None]), together[row : row + 1])


def test_an_own_vector_is_what_the_text_does_not_say() -> None:
    """It starts at nothing, and moves its item alone."""
    torch.manual_seed(0)
    inputs = NetworkInputs(len(WARM), 0, make_reader().read(CATALOGUE, WARM))
    network = replace(SMALL, use_ids=True).build(inputs).eval()
    assert reads_contents(network)
    before, ids = network.item_table.clone(), items_of(network).ids
    assert ids is not None
    with torch.no_grad():
        ids.weight[4] += 1.0
    network.eval()
    torch.testing.assert_close(network.item_table - before, torch.eye(9)[4][:, None].expand(9, 6))


def test_first_vectors_are_spread_as_a_tables() -> None:
    """Around 0, of unit length on average, whatever is said of the items."""
    table = make_content_network().item_table
    assert table.mean(dim=0).abs().max() < 1e-5
    assert (table**2).sum(dim=1).mean().item() == pytest.approx(1, abs=1e-4)


def test_other_weights_give_other_vectors() -> None:
    """Vectors that were computed before a checkpoint was loaded are not kept."""
    network, other = make_content_network(), make_content_network()
    for parameter in other.parameters():
        torch.nn.init.normal_(parameter)
    assert not torch.allclose(network.item_table, other.item_table)
    network.load_state_dict(other.state_dict())
    assert torch.equal(network.item_table, other.item_table)


def test_words_are_dropped_and_markers_stay() -> None:
    """In training, and never the columns or the padding."""
    torch.manual_seed(0)
    dropped = with_word_dropout(TOKENS, 4, 0.5)
    assert (dropped != TOKENS).any()
    assert ((dropped == TOKENS) | ((dropped == 1) & (TOKENS >= 4))).all()
    assert torch.equal(with_word_dropout(TOKENS, 4, 0.0), TOKENS)


def test_a_crop_is_half_of_a_text_or_more() -> None:
    """Side by side, from anywhere, and padded at its end; a text of one token stays."""
    torch.manual_seed(0)
    whole = [2, 5, 6, 7, 3, 8]
    runs = {tuple(whole[begin:end]) for begin in range(6) for end in range(begin + 3, 7)}
    seen = set()
    for _ in range(200):
        first, second, third = (tuple(t for t in row if t) for row in cropped(TOKENS, 1.0).tolist())
        seen.add(first)
        assert second in {(2,), (5,), (2, 5)}
        assert third == (1,)
    assert seen == runs
    assert torch.equal(cropped(TOKENS, 0.0), TOKENS)


def test_training_reads_texts_changed_and_evaluation_as_they_are() -> None:
    """Two passes in training differ; the same seed makes them equal."""
    network = make_content_network(replace(SMALL, text=TextConfig(4, 3, word_dropout=0.5), embedding_dropout=0.0))
    assert torch.equal(network.item_table, network.item_table)
    network.train()
    torch.manual_seed(5)
    once, twice = network.item_table, network.item_table
    assert not torch.equal(once, twice)
    torch.manual_seed(5)
    assert torch.equal(once, network.item_table)


def test_numbers_of_an_item_are_left_out_in_training() -> None:
    """Fields and vectors alike; evaluation reads all of them."""
    config = replace(SMALL, text=TextConfig(4, 3, word_dropout=0.0, crop=0.0), vector_dropout=0.5)
    network = make_content_network(config)
    assert torch.equal(network.item_table, network.item_table)
    network.train()
    assert not torch.equal(network.item_table, network.item_table)


def test_candidates_are_scored_as_in_the_whole_catalogue() -> None:
    """Only theirs are read in training; an item may stand among them twice."""
    network, output = make_content_network(), torch.randn(2, 6)
    assert isinstance(network, ContentLSTMNetwork)
    candidates = torch.tensor([7, 0, 7])
    torch.testing.assert_close(network.candidate_scores(output, candidates), network.item_scores(output)[:, candidates])


def test_no_contents_no_network() -> None:
    """Said in words."""
    with pytest.raises(DataError, match="there is no catalogue"):
        ContentLSTMConfig(content=ContentConfig()).build(NetworkInputs(5))
