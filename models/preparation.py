"""From a data set's files to `PreparedData`."""

from pathlib import Path

from models.datasets.dataset import Dataset
from models.prepared_data import Description, PreparedData


def prepare_dataset(dataset: Dataset, data_folder: Path) -> PreparedData:
    """Read a data set and make it ready to train on.

    Args:
        dataset: One of `models.datasets.DATASETS`.
        data_folder: The folder that has the data set's own sub-folder.

    Raises:
        DataError: If its files are missing or cannot be read.
    """
    split = dataset.load(data_folder / dataset.folder)
    description = Description(
        name=dataset.name,
        session_rule=dataset.session_rule,
        split=split.how,
        exclude_seen=dataset.exclude_seen,
        cleaning=(),
    )
    return PreparedData(description, split.train, split.test, split.catalogue)
