"""A small catalogue, and networks that read it."""

import numpy as np
import polars as pl
import torch

from models.items.item_contents import ContentConfig, ContentReader, fit_contents
from models.networks.content_items import ContentItems
from models.networks.content_lstm import ContentLSTMConfig, ContentLSTMNetwork, reads_contents
from models.networks.repeat_offset import RepeatOffset
from models.networks.sequence_network import NetworkInputs
from models.networks.text_encoder import TextConfig
from models.sequences.vocabulary import ItemId, ItemVocabulary

WARM = ItemVocabulary([ItemId(f"item-{number}") for number in range(9)])
CATALOGUE = pl.DataFrame(
    {
        "item_id": [f"item-{number}" for number in range(12)],
        "title": [f"{('red', 'green', 'blue')[number % 3]} number {number} of all" for number in range(12)],
        "category": [("even", "odd")[number % 2] for number in range(12)],
        "picture": np.random.default_rng(0).normal(size=(12, 3)).tolist(),
    }
)
SMALL = ContentLSTMConfig(
    embedding_size=6,
    hidden_size=5,
    layers=2,
    residual=True,
    content=ContentConfig(vector_column="picture", min_word_count=1),
    text=TextConfig(token_size=4, hidden_size=3),
)


def make_reader(config: ContentLSTMConfig = SMALL) -> ContentReader:
    """What is learnt of the catalogue from nine of its twelve items."""
    return fit_contents(config.content, CATALOGUE, WARM)


def make_content_network(
    config: ContentLSTMConfig = SMALL, *, feature_width: int = 2
) -> ContentLSTMNetwork | RepeatOffset:
    """An untrained network with repeatable weights, in evaluation mode."""
    torch.manual_seed(3)
    contents = make_reader(config).read(CATALOGUE, WARM)
    network = config.build(NetworkInputs(len(WARM), feature_width, contents)).eval()
    assert reads_contents(network)
    ids = items_of(network).ids
    if ids is not None:
        torch.nn.init.normal_(ids.weight)
    if isinstance(network, RepeatOffset):
        torch.nn.init.normal_(network.repeats.weight)
    return network


def items_of(network: ContentLSTMNetwork | RepeatOffset) -> ContentItems:
    """The items' side of a network that reads them."""
    read = network.network if isinstance(network, RepeatOffset) else network
    assert isinstance(read, ContentLSTMNetwork)
    return read.items
