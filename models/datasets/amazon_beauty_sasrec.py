"""Amazon Beauty as SASRec and LRURec publish figures for it: 52,204 users, 57,289 products, 394,908 reviews.

Kang and McAuley (2018) dropped users and products of fewer than five reviews once, not down to a 5-core, so that many
are left with fewer; LRURec (Yue et al., 2024) split the same file. Its protocol, read from its code:

- a user's last review tests, the one before it validates, the rest trains; users of fewer than three only train;
- the test is given all before the last, the validated one included, the last 50 of them;
- all 57,289 products are ranked but those among these 50. Nobody reviews a product twice.

3,595 of the 50,498 test reviews are of products that no earlier review of anybody's history shows, 4,828 of products
that are in none of the trained parts: no model of item ids can find these.
"""

import io
import pickle
from collections.abc import Mapping
from pathlib import Path

import msgspec

from models.datasets.amazon_beauty import LICENCE
from models.datasets.dataset import Dataset, WholeLog
from models.datasets.fetching import check, download
from models.datasets.histories import load_histories
from models.errors import DataError

HISTORIES = "histories.txt"
OFFICIAL = (
    "https://raw.githubusercontent.com/yueqirex/lrurec/e02a559bd8c42342f5c53d69cefea2589becb22c/data/preprocessed/"
    "beauty_min_rating0-min_uc5-min_sc5-leave_one_out/dataset.pkl"
)
OFFICIAL_CHECKSUM = "447b16b3f72058d672cd73d6ceb1dba248ec8b21718d7801f4bcbf680627612b"


class _Split(msgspec.Struct):
    """LRURec's split: product numbers by user number; what else is in the pickle is left aside."""

    train: dict[int, list[int]]
    val: dict[int, list[int]]
    test: dict[int, list[int]]


class _PlainUnpickler(pickle.Unpickler):
    """Reads numbers, texts, lists and dicts; a pickle that names anything to call is refused."""

    def find_class(self, module_name: str, global_name: str, /) -> object:
        raise DataError(f"{OFFICIAL} asks for {module_name}.{global_name}: it is not the file that was expected.")


def load(folder: Path) -> WholeLog:
    """Read the histories; there is no catalogue."""
    return load_histories(folder / HISTORIES, catalogue=None)


def fetch_from_lrurec() -> Mapping[str, bytes]:
    """Get LRURec's own split and put each user's three parts together again."""
    return {HISTORIES: join_histories(check(download(OFFICIAL), OFFICIAL_CHECKSUM, OFFICIAL))}


def join_histories(pickled: bytes) -> bytes:
    """Turn LRURec's pickle of `train`, `val` and `test` into one user a line.

    Raises:
        DataError: If it holds anything else.
    """
    try:
        split = msgspec.convert(_PlainUnpickler(io.BytesIO(pickled)).load(), _Split)
        lines = [[user, *split.train[user], *split.val[user], *split.test[user]] for user in sorted(split.train)]
    except (pickle.UnpicklingError, EOFError, KeyError, msgspec.ValidationError) as error:
        raise DataError(f"{OFFICIAL} is not the split that was expected: {error}.") from error
    return "".join(" ".join(map(str, line)) + "\n" for line in lines).encode()


AMAZON_BEAUTY_SASREC = Dataset(
    name="amazon-beauty-sasrec",
    what="beauty products, split of SASRec and LRURec: 52,204 users, 57,289 products, 394,908 reviews",
    licence=LICENCE,
    folder="amazon-beauty-sasrec",
    files=(HISTORIES,),
    exclude_seen=True,
    load=load,
    sources={"official": fetch_from_lrurec},
)
