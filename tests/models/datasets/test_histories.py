from pathlib import Path

import pytest

from models.datasets import amazon_beauty
from models.datasets.histories import load_histories
from models.errors import DataError
from models.preparation.preparing import prepare_log
from tests.click_tables import click_lines

ORDER_START_MS = 946_684_800_000


def test_a_line_is_a_history(tmp_path: Path) -> None:
    """A click's place in its user's history stands for its time."""
    (tmp_path / "histories.txt").write_text("1 7 8 9\n2 9\n", "utf-8")
    source = load_histories(tmp_path / "histories.txt", None)
    assert click_lines(source.log.clicks, ORDER_START_MS) == ["1 7 0", "1 8 1", "1 9 2", "2 9 0"]


@pytest.mark.parametrize("line", ["3", ""])
def test_a_line_without_items_is_an_error(tmp_path: Path, line: str) -> None:
    """A set to compare by must be whole."""
    (tmp_path / "histories.txt").write_text(f"1 7 8 9\n{line}\n", "utf-8")
    with pytest.raises(DataError, match="line 2, is no user"):
        load_histories(tmp_path / "histories.txt", None)


def test_beauty_is_left_last_out_and_knows_attributes(tmp_path: Path) -> None:
    """A user of three tests his last, one of two only trains; a test item that training never shows stays."""
    (tmp_path / "Beauty.txt").write_text("1 7 8 9\n2 8 7\n", "utf-8")
    (tmp_path / "Beauty_item2attributes.json").write_text('{"7": [3, 12], "9": []}', "utf-8")
    source = amazon_beauty.load(tmp_path)
    assert source.catalogue is not None
    assert source.catalogue.rows() == [("7", None, None, "3|12"), ("9", None, None, "")]
    prepared = prepare_log("beauty", source.log, source.recipe, exclude_seen=True, catalogue=source.catalogue)
    assert click_lines(prepared.train, ORDER_START_MS) == ["1 7 0 1", "2 8 0 2", "1 8 1 1", "2 7 1 2"]
    assert click_lines(prepared.test, ORDER_START_MS) == ["1 9 2 1"]
    assert prepared.description.protocol == "last-click"
