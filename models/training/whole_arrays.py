"""What needs all training clicks in memory at once, and so cannot be trained from disk."""

from models.errors import SettingsError
from models.networks.ensemble import EnsembleConfig
from models.networks.kinds import CountedConfig, kind_of
from models.networks.transition_offset import TransitionOffsetConfig
from models.training.augmentation import Augmentation
from models.training.config import TrainingConfig

_INSTEAD = "read the data whole with --in-memory"


def refuse_whole_arrays(config: TrainingConfig) -> None:
    """Check that a configuration can be trained from disk, before a click is read.

    Raises:
        SettingsError: If it cannot.
    """
    network = config.network
    if isinstance(network, EnsembleConfig):
        raise SettingsError(
            "An ensemble counts and weighs its members over all clicks at once, not out of core: train its members "
            f"one by one and put them together with `nextclick ensemble`, or {_INSTEAD}."
        )
    if isinstance(network, CountedConfig | TransitionOffsetConfig):
        raise SettingsError(
            f"A network of kind {kind_of(network)} is counted over all clicks at once, not out of core: {_INSTEAD}."
        )
    if config.augmentation != Augmentation():
        raise SettingsError(
            "Augmentation makes a copy of all sessions every epoch, not out of core: leave [augmentation] out, or "
            f"{_INSTEAD}."
        )
