"""What needs all training clicks in memory at once, and so cannot be trained from disk."""

from models.errors import SettingsError
from models.preparation.prepared_data import PreparedData
from models.preparation.prepared_on_disk import PreparedOnDisk
from models.training.augmentation import Augmentation
from models.training.config import TrainingConfig
from models.training.encoded_data import Prepared

_INSTEAD = "read the data whole with --in-memory"


def refuse_whole_arrays(config: TrainingConfig) -> None:
    """Check that a configuration can be trained from disk, before a click is read.

    Raises:
        SettingsError: If it cannot.
    """
    if config.augmentation != Augmentation():
        raise SettingsError(
            "Augmentation makes a copy of all sessions every epoch, not out of core: leave [augmentation] out, or "
            f"{_INSTEAD}."
        )


def tables_to_fit_counts_by(data: Prepared) -> PreparedData:
    """Return data whose tables are in memory, as the fit of live counts wants them.

    Raises:
        SettingsError: If they are on disk.
    """
    if isinstance(data, PreparedOnDisk):
        raise SettingsError(
            f"Live counts are fitted over all clicks at once, not out of core: leave [live_counts] out, or {_INSTEAD}."
        )
    return data
