import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.datasets import eshop_2008
from models.datasets.eshop_2008 import fetch_from_uci, load
from models.errors import DataError
from models.session_rule import SessionRule

HEADER = (
    "year;month;day;order;country;session ID;page 1 (main category);page 2 (clothing model);colour;location;"
    "model photography;price;price 2;page\n"
)


def test_log_and_catalogue_are_read(tmp_path: Path) -> None:
    """The session is the user; a product's title is made of what the log says about it."""
    (tmp_path / "e-shop-clothing-2008.csv").write_text(
        HEADER + "2008;4;1;1;29;7;1;A13;1;5;1;28;2;1\n2008;4;1;2;29;7;4;P78;8;6;2;33;2;1\n", "utf-8"
    )
    source = load(tmp_path)
    first_ms = int(datetime(2008, 4, 1, 0, 1, tzinfo=UTC).timestamp()) * 1000
    assert source.log.clicks.rows() == [
        ("7", "7", "A13", first_ms, None, None),
        ("7", "7", "P78", first_ms + 60_000, None, None),
    ]
    assert source.catalogue is not None
    assert source.catalogue.rows() == [
        ("A13", "beige trousers A13", "trousers", "beige", 28.0, "1", "bottom middle", "front", "below"),
        ("P78", "navy blue sale P78", "sale", "navy blue", 33.0, "1", "bottom right", "profile", "below"),
    ]
    assert source.recipe.session_rule == SessionRule(by_id=True)


@pytest.mark.parametrize("line", ["2008;4;1", "2008;4;31;1;29;7;1;A13;1;5;1;28;2;1", "x;4;1;1;29;7;1;A13;1;5;1;28;2;1"])
def test_damaged_log_is_an_error(tmp_path: Path, line: str) -> None:
    """The log is a published file: a line of another form means that it is not that file."""
    (tmp_path / "e-shop-clothing-2008.csv").write_text(HEADER + line + "\n", "utf-8")
    with pytest.raises(DataError, match="damaged"):
        load(tmp_path)


def test_archive_with_another_number_of_clicks_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """UCI publishes no checksum: the number of clicks tells whether it is the log that we know."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writing:
        writing.writestr("e-shop clothing 2008.csv", HEADER + "2008;4;1;1;29;7;1;A13;1;5;1;28;2;1\n")
    monkeypatch.setattr(eshop_2008, "download", lambda _: archive.getvalue())
    with pytest.raises(DataError, match="has 1 clicks, not 165474"):
        fetch_from_uci()
    monkeypatch.setattr(eshop_2008, "OFFICIAL_CLICKS", 1)
    assert list(fetch_from_uci()) == ["e-shop-clothing-2008.csv"]
