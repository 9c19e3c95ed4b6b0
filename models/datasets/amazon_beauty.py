"""Amazon Beauty, 5-core: 22,363 users, 12,101 products, 198,502 reviews; the order of each user's, no times, no titles.

McAuley et al. (2015), as Zhou et al. (2020, S3-Rec) published it. The figures that SASRec and LRURec published are of
another Beauty, see `amazon_beauty_sasrec`.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec
import polars as pl

from models.datasets.dataset import Dataset, WholeLog
from models.datasets.fetching import check, download
from models.datasets.histories import load_histories

HISTORIES, ATTRIBUTES = "Beauty.txt", "Beauty_item2attributes.json"
LICENCE = "none formal: research, cite McAuley et al. (2015)"
OFFICIAL = "https://raw.githubusercontent.com/aHuiWang/CIKM2020-S3Rec/e6c774da92dba847b00ac89e8bfc5c55cc44d378/data/"
CHECKSUMS = {
    HISTORIES: "226cce9c3105299ca0db9615d7d3fb32b3175e90da43100ae352599f0f0107b8",
    ATTRIBUTES: "129e40f67486f6877eff0f5318cfa8530ee8ac23d8b0d1de04e1bb7a2ba0b2d4",
}
_CATALOGUE = {"item_id": pl.String(), "title": pl.String(), "category": pl.String(), "attributes": pl.String()}


def load(folder: Path) -> WholeLog:
    """Read the histories and the products' attributes: numbers for categories and brands that nobody has named."""
    attributes = msgspec.json.decode((folder / ATTRIBUTES).read_bytes(), type=dict[str, list[int]])
    rows = [(item, None, None, "|".join(map(str, numbers))) for item, numbers in attributes.items()]
    return load_histories(folder / HISTORIES, pl.DataFrame(rows, schema=_CATALOGUE, orient="row"))


def fetch_from_github() -> Mapping[str, bytes]:
    """Get the two files as they were when S3-Rec was published."""
    return {name: check(download(OFFICIAL + name), checksum, name) for name, checksum in CHECKSUMS.items()}


AMAZON_BEAUTY = Dataset(
    name="amazon-beauty",
    what="beauty products, 5-core, leave-last-out: 22,363 users, 12,101 products, 198,502 reviews",
    licence=LICENCE,
    folder="amazon-beauty",
    files=(HISTORIES, ATTRIBUTES),
    exclude_seen=True,
    load=load,
    sources={"official": fetch_from_github},
)
