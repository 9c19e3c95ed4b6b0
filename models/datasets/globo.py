"""The Globo split: clicks on news, cut so that models can be compared with official GRU4Rec.

Its cut is by sessions' first clicks, so that some training clicks are later than the first test click.
"""

from pathlib import Path

from models.datasets.dataset import Dataset, GivenSplit
from models.datasets.given_split import load_given_split
from models.datasets.globo_clicks import HOW_TO_GET, LICENCE
from models.preparation.timestamps import to_milliseconds


def load(folder: Path) -> GivenSplit:
    """Read the two tables."""
    return load_given_split(
        folder / "globo.train.tsv.gz",
        folder / "globo.test.tsv.gz",
        lambda text: to_milliseconds(text, "milliseconds"),
        how="Given: the last fifth of the sessions by their first click test, the others train.",
    )


GLOBO = Dataset(
    name="globo",
    what="news, split to compare with GRU4Rec: 300,933 sessions, 2,958 articles, 839,852 clicks",
    licence=LICENCE,
    folder="splits",
    files=("globo.train.tsv.gz", "globo.test.tsv.gz"),
    exclude_seen=False,
    load=load,
    how_to_get=HOW_TO_GET + ", then `nextclick data prepare globo-clicks` makes a split of its own",
)
