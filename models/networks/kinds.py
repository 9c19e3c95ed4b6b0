"""The kinds of networks that `[network]` of a configuration and a checkpoint may name, each by its `kind`."""

from models.networks.attention import AttentionConfig
from models.networks.content_lstm import ContentLSTMConfig
from models.networks.ensemble import EnsembleConfig
from models.networks.gru import GRUConfig
from models.networks.item_knn import ItemKNNConfig
from models.networks.lru import LRUConfig
from models.networks.lstm import LSTMConfig
from models.networks.markov import MarkovConfig
from models.networks.popularity import PopularityConfig
from models.networks.recency import RecencyConfig
from models.networks.seq2seq import Seq2SeqConfig
from models.networks.transition_offset import TransitionOffsetConfig

TrainedConfig = (
    LSTMConfig | GRUConfig | LRUConfig | AttentionConfig | ContentLSTMConfig | TransitionOffsetConfig | Seq2SeqConfig
)
CountedConfig = PopularityConfig | RecencyConfig | MarkovConfig | ItemKNNConfig
NetworkConfig = TrainedConfig | CountedConfig | EnsembleConfig


def kind_of(config: NetworkConfig) -> str:
    """Return what a configuration, a manifest and a leaderboard call it: `lstm`, `gru`, ..."""
    return str(config.__struct_config__.tag)
