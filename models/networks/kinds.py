"""The kinds of networks that `[network]` of a configuration and a checkpoint may name, each by its `kind`."""

from models.networks.content_lstm import ContentLSTMConfig
from models.networks.gru import GRUConfig
from models.networks.lru import LRUConfig
from models.networks.lstm import LSTMConfig

NetworkConfig = LSTMConfig | GRUConfig | LRUConfig | ContentLSTMConfig


def kind_of(config: NetworkConfig) -> str:
    """Return what a configuration, a manifest and a leaderboard call it: `lstm`, `gru`, ..."""
    return str(config.__struct_config__.tag)
