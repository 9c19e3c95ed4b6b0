from hashlib import sha256
from pathlib import Path

import pytest

from models.datasets.fetching import check, download, download_wheel, tab_separated, unzip
from models.errors import DataError


def test_download_returns_the_bytes(tmp_path: Path) -> None:
    """Any address that Python opens will do."""
    (tmp_path / "log.csv").write_bytes(b"user,item\n")
    assert download((tmp_path / "log.csv").as_uri()) == b"user,item\n"


def test_unreachable_address_is_an_error_that_names_it() -> None:
    """Without a network the message says what else can be done."""
    with pytest.raises(DataError, match=r"http://127\.0\.0\.1:9/log\.zip cannot be fetched .* by hand"):
        download("http://127.0.0.1:9/log.zip")


def test_unknown_requirement_is_an_error_with_pips_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package manager's own reason is passed on, in one line."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(DataError, match=r"pip cannot download recbole==1\.2\.1 \(.*No matching distribution"):
        download_wheel("recbole==1.2.1")


def test_content_is_returned_if_its_checksum_is_the_known_one() -> None:
    """Any other content is refused, naming both checksums."""
    assert check(b"log", sha256(b"log").hexdigest(), "log.zip") == b"log"
    with pytest.raises(DataError, match=r"log\.zip has the SHA-256 .*, not 0000"):
        check(b"log", "0000", "log.zip")


def test_what_is_no_archive_is_an_error() -> None:
    """An error page is no ZIP archive."""
    with pytest.raises(DataError, match=r"log\.zip is not the archive that was expected"):
        unzip(b"<html>", {"log.csv": "log.csv"}, "log.zip")


def test_table_is_written_without_quoting() -> None:
    """Tab separated text as RecBole writes it."""
    assert tab_separated(("id", "title"), [("1", 'The "Best"'), ("2", "Café")]) == (
        'id\ttitle\n1\tThe "Best"\n2\tCafé\n'.encode()
    )
