from pathlib import Path

import polars as pl
import pytest

from models.errors import DataError
from models.preparation.item_catalogue import as_catalogue, catalogue_coverage, read_item_catalogue

HERE = Path("items.parquet")


def test_ids_and_titles_become_text_and_lists_of_words_one_text() -> None:
    """A vector stays a list of numbers; a row without an id goes, and so does a row that comes twice."""
    table = pl.DataFrame(
        {
            "item_id": [7, 7, None],
            "title": [1984, 1984, 3],
            "tags": [["a", "b"], ["a", "b"], []],
            "v": [[1.0], [1.0], []],
        }
    )
    assert as_catalogue(table, HERE).rows(named=True) == [
        {"item_id": "7", "title": "1984", "tags": "a, b", "v": [1.0]},
    ]


def test_two_rows_that_differ_about_an_item_are_refused() -> None:
    """Which of them is right is not guessed; the item is named."""
    table = pl.DataFrame({"item_id": ["a", "b", "a"], "title": ["Shoe", "Hat", "Coat"]})
    with pytest.raises(DataError, match=r"items\.parquet describes an item twice, and not alike: a\."):
        as_catalogue(table, HERE)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("items.csv", "sku,title\n007,Hat\n"),
        ("items.tsv", "sku\ttitle\n007\tHat\n"),
        ("items.jsonl", '{"sku": "007", "title": "Hat"}\n'),
    ],
)
def test_a_file_may_name_items_as_the_log_does(name: str, content: str, tmp_path: Path) -> None:
    """007 is a text: no zero is lost."""
    (tmp_path / name).write_text(content, "utf-8")
    assert read_item_catalogue(tmp_path / name, "sku").rows() == [("007", "Hat")]


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("items.parquet", "item_id,title", "cannot be read as a catalogue"),
        ("items.csv", "", "cannot be read as a catalogue"),
        ("items.csv", "id,title\n1,Hat\n", "has no column item_id: it has id, title"),
        ("items.xlsx", "item_id", "is of no known format"),
    ],
)
def test_a_file_that_is_no_catalogue_is_refused(name: str, content: str, why: str, tmp_path: Path) -> None:
    """With its name, and what it lacks."""
    (tmp_path / name).write_text(content, "utf-8")
    with pytest.raises(DataError, match=rf"{name}.* {why}"):
        read_item_catalogue(tmp_path / name)


def test_a_catalogue_of_other_ids_is_refused() -> None:
    """Nothing would be known of any item, and nothing would say so."""
    clicks = pl.LazyFrame({"item_id": ["5", "6"]})
    with pytest.raises(DataError, match=r"its item_id looks like '5\.0', the clicks' like '5'"):
        catalogue_coverage(pl.DataFrame({"item_id": ["5.0"]}), clicks)
