"""The public data sets that nextclick can read, by name."""

from models.datasets.amazon_beauty import AMAZON_BEAUTY
from models.datasets.amazon_beauty_sasrec import AMAZON_BEAUTY_SASREC
from models.datasets.dataset import Dataset
from models.datasets.eshop import ESHOP
from models.datasets.eshop_2008 import ESHOP_2008
from models.datasets.globo import GLOBO
from models.datasets.globo_clicks import GLOBO_CLICKS
from models.datasets.movielens_100k import MOVIELENS_100K
from models.datasets.movielens_latest_small import MOVIELENS_LATEST_SMALL
from models.datasets.synthetic_news import SYNTHETIC_NEWS
from models.errors import DataError

DATASETS = {
    dataset.name: dataset
    for dataset in (
        MOVIELENS_100K,
        MOVIELENS_LATEST_SMALL,
        ESHOP,
        ESHOP_2008,
        GLOBO,
        GLOBO_CLICKS,
        AMAZON_BEAUTY,
        AMAZON_BEAUTY_SASREC,
        SYNTHETIC_NEWS,
    )
}


def dataset_named(name: str) -> Dataset:
    """Return the data set that `--dataset` names.

    Raises:
        DataError: If there is none of that name.
    """
    if name not in DATASETS:
        raise DataError(f"There is no data set {name!r}: choose one of {', '.join(DATASETS)}.")
    return DATASETS[name]
