import pickle
import threading
from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from models.datasets import amazon_beauty_sasrec
from models.datasets.amazon_beauty_sasrec import AMAZON_BEAUTY_SASREC, join_histories
from models.datasets.folders import fetch_dataset, locate_dataset
from models.errors import DataError
from tests.click_tables import click_lines

ORDER_START_MS = 946_684_800_000
SPLIT = {"train": {1: [7, 8], 2: [5]}, "val": {1: [9], 2: []}, "test": {1: [4], 2: []}}


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file behind the official address, which is a local server's here; any change of it is damage."""
    file = tmp_path / "served" / "dataset.pkl"
    file.parent.mkdir()
    file.write_bytes(pickle.dumps(SPLIT))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=file.parent))
    monkeypatch.setattr(amazon_beauty_sasrec, "OFFICIAL", f"http://127.0.0.1:{server.server_port}/{file.name}")
    monkeypatch.setattr(amazon_beauty_sasrec, "OFFICIAL_CHECKSUM", sha256(file.read_bytes()).hexdigest())
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield file
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_is_fetched_is_what_is_read(published: Path, tmp_path: Path) -> None:
    """Over HTTP into the data folder, and from there as a log: every review a click, a user's in order."""
    assert published.is_file()
    folder = fetch_dataset(AMAZON_BEAUTY_SASREC, fetched=tmp_path / "data")
    assert (folder / "histories.txt").read_bytes() == b"1 7 8 9 4\n2 5\n"
    assert locate_dataset(AMAZON_BEAUTY_SASREC, fetched=tmp_path / "data") == folder
    clicks = amazon_beauty_sasrec.load(folder).log.clicks
    assert click_lines(clicks, ORDER_START_MS) == ["1 7 0", "1 8 1", "1 9 2", "1 4 3", "2 5 0"]


def test_damage_on_the_way_is_refused(published: Path, tmp_path: Path) -> None:
    """Another split than the one that is known is not written."""
    published.write_bytes(pickle.dumps({**SPLIT, "test": {1: [3], 2: []}}))
    with pytest.raises(DataError, match=r"dataset\.pkl has the SHA-256"):
        fetch_dataset(AMAZON_BEAUTY_SASREC, fetched=tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_the_parts_of_a_split_become_histories_again() -> None:
    """In the order of users; a user of fewer than three reviews has neither validation nor test."""
    split = {"train": {2: [5], 1: [7, 8]}, "val": {1: [9], 2: []}, "test": {1: [4], 2: []}, "umap": {1: 1}}
    assert join_histories(pickle.dumps(split)) == b"1 7 8 9 4\n2 5\n"


@pytest.mark.parametrize("content", [b"no pickle", pickle.dumps({"train": {}}), pickle.dumps({"train": [1]})])
def test_anything_else_is_an_error(content: bytes) -> None:
    """What is not the split is not guessed at."""
    with pytest.raises(DataError, match="not the split that was expected"):
        join_histories(content)


def test_a_pickle_that_calls_something_is_refused() -> None:
    """Reading a pickle must not run what it names."""
    with pytest.raises(DataError, match=r"asks for .*Path"):
        join_histories(pickle.dumps({"train": Path("somewhere")}))
