from pathlib import Path

import polars as pl
import pytest

from models.datasets.given_split import load_given_split
from models.errors import DataError
from models.preparation.prepared_data import CLICK_SCHEMA
from models.preparation.timestamps import to_milliseconds
from models.session_rule import SessionRule
from tests.click_tables import click_lines


def write(path: Path, *lines: str) -> Path:
    path.write_text("".join(line.replace(" ", "\t") + "\n" for line in ("SessionId ItemId Time", *lines)), "utf-8")
    return path


def milliseconds(text: pl.Expr) -> pl.Expr:
    return to_milliseconds(text, "milliseconds")


def test_split_is_read_as_it_stands(tmp_path: Path) -> None:
    """The session is the user; clicks come in order of time; duplicates, repeats and lone clicks stay."""
    train = write(tmp_path / "train.txt", "7 A 20", "7 A 20", "8 B 10")
    test = write(tmp_path / "test.txt", "9 X 30")
    split = load_given_split(train, test, milliseconds, "Given.")
    assert split.train.schema == split.test.schema == CLICK_SCHEMA
    assert click_lines(split.train) == ["8 B 10 8", "7 A 20 7", "7 A 20 7"]
    assert click_lines(split.test) == ["9 X 30 9"]
    assert (split.session_rule, split.how) == (SessionRule(by_id=True), "Given.")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("7 A noon", "line 3, lacks a session, an item or a time"),
        ("7  20", "line 3, lacks a session, an item or a time"),
        ("7 A", "line 3: 7\tA: has 2 fields, not 3"),
    ],
)
def test_line_that_is_no_click_is_an_error(tmp_path: Path, line: str, message: str) -> None:
    """Nothing is dropped from a split that models are compared by, so nothing may be wrong with it."""
    train = write(tmp_path / "train.txt", "7 A 20", line)
    with pytest.raises(DataError, match=message):
        load_given_split(train, train, milliseconds, "Given.")
