"""The public data sets that nextclick can read, by name."""

from models.datasets.dataset import Dataset
from models.datasets.eshop import ESHOP
from models.errors import DataError

DATASETS = {dataset.name: dataset for dataset in (ESHOP,)}


def dataset_named(name: str) -> Dataset:
    """Return the data set that `--dataset` names.

    Raises:
        DataError: If there is none of that name.
    """
    if name not in DATASETS:
        raise DataError(f"There is no data set {name!r}: choose one of {', '.join(DATASETS)}.")
    return DATASETS[name]
