"""Every kind of network in the same worker: its published lists are the offline evaluation's, bit for bit."""

from pathlib import Path
from typing import get_args

import pytest
import torch
from msgspec.structs import replace
from torch import nn

from export.artifact import Artifact
from export.exporter import export_model
from models.items.item_contents import ContentConfig, fit_contents
from models.networks.attention import AttentionConfig
from models.networks.content_lstm import ContentLSTMConfig, reads_contents, with_fixed_items
from models.networks.ensemble import EnsembleConfig, MemberSection
from models.networks.fitted_network import FittedNetwork
from models.networks.gru import GRUConfig
from models.networks.item_knn import ItemKNNConfig
from models.networks.kinds import NetworkConfig, kind_of
from models.networks.lru import LRUConfig
from models.networks.lstm import LSTMConfig
from models.networks.markov import MarkovConfig
from models.networks.popularity import PopularityConfig
from models.networks.recency import RecencyConfig
from models.networks.repeat_offset import RepeatOffset
from models.networks.seq2seq import Seq2SeqConfig
from models.networks.sequence_network import NetworkInputs, SequenceNetwork
from models.networks.text_encoder import TextConfig
from models.networks.transition_offset import TransitionOffsetConfig
from models.sequences.features import feature_width
from models.sequences.vocabulary import ItemId, ItemVocabulary
from tests.encoded import make_sessions
from tests.factories import TINY_ITEM_IDS, make_tiny_model
from tests.workers.click_runs import seeded
from tests.workers.conftest import BY_ID_AND_GAP, FEATURES
from tests.workers.twofold_runs import offline_lists, online_lists, random_clicks

# One small network of every kind, with features where the kind takes them.
KINDS: list[NetworkConfig] = [
    LSTMConfig(embedding_size=8, hidden_size=8),
    GRUConfig(embedding_size=8, hidden_size=8, layers=2),
    LSTMConfig(embedding_size=8, hidden_size=8, repeat_window=3),
    LRUConfig(embedding_size=8, hidden_size=8, feed_forward_size=16),
    LRUConfig(embedding_size=8, hidden_size=8, feed_forward_size=16, repeat_window=3),
    ContentLSTMConfig(embedding_size=8, hidden_size=8, text=TextConfig(token_size=4, hidden_size=4)),
    ContentLSTMConfig(8, 8, content=ContentConfig((), fields=(("category",),)), repeat_window=3),
    TransitionOffsetConfig(base=LSTMConfig(embedding_size=8, hidden_size=8), successors=5),
    EnsembleConfig(
        (
            MemberSection(LSTMConfig(embedding_size=8, hidden_size=8, repeat_window=2), weight=0.5),
            MemberSection(GRUConfig(embedding_size=6, hidden_size=6)),
            MemberSection(MarkovConfig(successors=5), weight=0.7),
        )
    ),
    PopularityConfig(),
    RecencyConfig(half_life_hours=0.01),
    MarkovConfig(successors=5),
    ItemKNNConfig(last_items=3, neighbours=5),
    AttentionConfig(embedding_size=8, window=3, feed_forward_size=16),
    AttentionConfig(embedding_size=8, window=3, feed_forward_size=16, repeat_window=2),
    Seq2SeqConfig(embedding_size=8, hidden_size=8, decoder_size=8, written_items=3, candidates=12, beams=2),
]
WITHOUT_FEATURES = {"attention"}


def make_network(config: NetworkConfig, width: int) -> SequenceNetwork:
    """Make an untrained network of this kind, counts taken from random sessions, as it is served."""
    torch.manual_seed(5)
    catalogue = make_tiny_model().catalogue
    assert catalogue is not None
    items = ItemVocabulary([ItemId(item_id) for item_id in TINY_ITEM_IDS])
    content = config.content if isinstance(config, ContentLSTMConfig) else ContentConfig()
    reader = fit_contents(replace(content, min_word_count=1), catalogue, items)
    contents = reader.read(catalogue, items)
    network = config.build(NetworkInputs(len(items), width, contents)).eval()
    if isinstance(network, RepeatOffset):
        nn.init.normal_(network.repeats.weight)
    if isinstance(network, FittedNetwork):
        draw = seeded(3)
        network.fit(make_sessions(*(draw.choices(range(len(items)), k=6) for _ in range(200))))
    return with_fixed_items(network, contents) if reads_contents(network) else network


def make_artifact(config: NetworkConfig, folder: Path) -> Artifact:
    """Export an untrained network of this kind through all three gates."""
    features = () if kind_of(config) in WITHOUT_FEATURES else FEATURES
    network = make_network(config, feature_width(features))
    model = make_tiny_model(network=network, kind=kind_of(config), features=features, session_rule=BY_ID_AND_GAP)
    return export_model(model, folder, list_length=10, ring_length=5)


def test_no_kind_is_left_out() -> None:
    """Whatever a configuration may name is replayed below."""
    assert {kind_of(config) for config in KINDS} == {config.__struct_config__.tag for config in get_args(NetworkConfig)}


@pytest.mark.parametrize("config", KINDS, ids=kind_of)
def test_published_lists_are_the_offline_lists(config: NetworkConfig, tmp_path: Path) -> None:
    """The worker knows of no kind: a state by whatever names and shapes, stored, restored, reset and ranked from."""
    artifact = make_artifact(config, tmp_path / "artifact")
    assert artifact.manifest.model_kind == kind_of(config)
    random = seeded(11)
    clicks = random_clicks(random, 300)
    for exclude_seen in (False, True):
        offline = offline_lists(artifact, clicks, exclude_seen=exclude_seen)
        assert len(offline) == 300
        assert online_lists(artifact, clicks, random, exclude_seen=exclude_seen) == offline
