from pathlib import Path

import numpy as np
import pytest

from models.errors import SettingsError
from models.sequences.vocabulary import ItemId, ItemVocabulary
from workers.item_bias import load_item_bias

VOCABULARY = ItemVocabulary([ItemId(item) for item in ("a", "b,c", "é")])


def load(tmp_path: Path, content: str | bytes) -> list[float]:
    """Read a file of this content."""
    path = tmp_path / "bias.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    item_bias = load_item_bias(path, VOCABULARY)
    assert item_bias.dtype == np.float32
    biases: list[float] = item_bias.tolist()
    return biases


def test_without_a_file_no_item_has_a_bias() -> None:
    """V zeros."""
    assert load_item_bias(None, VOCABULARY).tolist() == [0, 0, 0]


def test_biases_are_put_in_row_order(tmp_path: Path) -> None:
    """Lines in any order, items quoted as CSV quotes them, unknown items without effect, the last line counts."""
    content = 'item_id,bias\né,-inf\n"b,c",2.5\nunknown,7\na,1\na,-1e-3\n'
    assert load(tmp_path, content) == [np.float32(-1e-3), 2.5, -np.inf]


@pytest.mark.parametrize(
    "content",
    [
        "item_id,bias\r\na,1\r\n",
        "\ufeffitem_id,bias\na,1",
        "comment,bias,item_id\nboost,1,a",
        "item_id,bias\n\na,1\n\n",
    ],
    ids=["line ends of Windows", "byte order mark", "more columns", "empty lines"],
)
def test_what_spreadsheets_write_is_read(tmp_path: Path, content: str) -> None:
    """The same biases, differently written."""
    assert load(tmp_path, content) == [1, 0, 0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no header line"),
        ("a,-inf\n", "no header line"),
        ("item,bias\na,1\n", "no header line"),
        ("item_id,bias\na,1\nb\n", "line 3"),
        ("item_id,bias\na,\n", "line 2"),
        ("item_id,bias\na,much\n", "line 2.*much"),
        ("item_id,bias\na,1\na,nan\n", "line 3.*nan"),
        ("item_id,bias\na,inf\n", "line 2.*inf"),
        ("item_id,bias\na,1e39\n", "line 2.*1e39"),
        ("item_id,bias\na,-1e39\n", "line 2.*-1e39"),
        ("item_id,bias\nunknown,inf\n", "line 2"),
        (b"item_id,bias\n\xff,1\n", "cannot be read"),
        ("item_id,bias\n" + "a" * 200_000 + ",1\n", "cannot be read"),
    ],
    ids=lambda argument: repr(argument)[:40],
)
def test_a_file_that_is_not_biases_is_refused_with_its_line(tmp_path: Path, content: str | bytes, message: str) -> None:
    """A slip in the file must not put an item first in every list, nor be overlooked."""
    with pytest.raises(SettingsError, match=f"item_bias_file=.*bias.csv.*{message}"):
        load(tmp_path, content)


@pytest.mark.parametrize("name", ["missing.csv", ""])
def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path, name: str) -> None:
    """It does not exist, or it is a folder."""
    with pytest.raises(SettingsError, match=r"item_bias_file=.* cannot be read"):
        load_item_bias(tmp_path / name, VOCABULARY)
