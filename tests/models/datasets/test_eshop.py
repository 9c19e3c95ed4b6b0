import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.datasets.eshop import load
from models.errors import DataError


def write_split(folder: Path, train: str) -> None:
    header = "SessionId\tItemId\tTime\n"
    (folder / "eshop.train.tsv.gz").write_bytes(gzip.compress((header + train).encode()))
    (folder / "eshop.test.tsv.gz").write_bytes(gzip.compress((header + "9\tP78\t801195\n").encode()))


def test_packed_times_become_times_of_2008(tmp_path: Path) -> None:
    """401002 is the second click of a session of April 1st; 801195 the 195th of one of August 1st."""
    write_split(tmp_path, "7\tA13\t401002\n7\tB4\t401001\n")
    split = load(tmp_path)
    assert split.train.select("session_id", "item_id").rows() == [("7", "B4"), ("7", "A13")]
    moments = [datetime.fromtimestamp(time / 1000, UTC) for time in split.train["timestamp_ms"]]
    assert moments == [datetime(2008, 4, 1, 0, 1, tzinfo=UTC), datetime(2008, 4, 1, 0, 2, tzinfo=UTC)]
    assert split.test["timestamp_ms"].to_list() == [int(datetime(2008, 8, 1, 3, 15, tzinfo=UTC).timestamp()) * 1000]


def test_products_are_named_by_category_and_model(tmp_path: Path) -> None:
    """The shop's codes begin with the letter of the category."""
    write_split(tmp_path, "7\tA13\t401001\n7\tC5\t401002\n")
    catalogue = load(tmp_path).catalogue
    assert catalogue is not None
    assert catalogue.rows() == [
        ("A13", "trousers A13", "trousers"),
        ("C5", "blouses C5", "blouses"),
        ("P78", "sale P78", "sale"),
    ]


@pytest.mark.parametrize("time", ["noon", "431001", "1", ""])
def test_time_that_is_no_day_is_an_error(tmp_path: Path, time: str) -> None:
    """There is no April 31st, and a bare order has no day."""
    write_split(tmp_path, f"7\tA13\t{time}\n")
    with pytest.raises(DataError, match="line 2, lacks a session, an item or a time"):
        load(tmp_path)
