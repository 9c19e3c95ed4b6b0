from collections.abc import Mapping
from pathlib import Path

import pytest

from models.datasets.dataset import Dataset, Fetch, WholeLog
from models.datasets.folders import fetch_dataset, find_dataset, locate_dataset
from models.errors import DataError


def never_loaded(folder: Path) -> WholeLog:
    raise AssertionError(f"{folder} should not be read")


def make_dataset(sources: Mapping[str, Fetch] | None = None) -> Dataset:
    return Dataset(
        name="shop",
        what="clicks",
        licence="none",
        folder="shop-clicks",
        files=("log.csv*", "items.csv"),
        exclude_seen=False,
        load=never_loaded,
        sources=sources or {},
        how_to_get="ask the shop",
    )


def put(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text("", "utf-8")
    return folder


def test_users_folder_is_looked_at_first(tmp_path: Path) -> None:
    """What the user has goes before what was fetched; a file may be compressed."""
    fetched = put(tmp_path / "data" / "shop-clicks", "log.csv", "items.csv")
    assert find_dataset(make_dataset(), tmp_path / "own", tmp_path / "data") == fetched
    own = put(tmp_path / "own" / "shop-clicks", "log.csv.gz", "items.csv")
    assert find_dataset(make_dataset(), tmp_path / "own", tmp_path / "data") == own
    assert find_dataset(make_dataset(), None, tmp_path / "data") == fetched


def test_data_set_that_lacks_a_file_is_not_here(tmp_path: Path) -> None:
    """Half a data set is none, and the message says where it was looked for and how to get it."""
    put(tmp_path / "shop-clicks", "log.csv")
    assert find_dataset(make_dataset(), None, tmp_path) is None
    with pytest.raises(DataError, match=r"is not in .*shop-clicks .log\.csv\*, items\.csv.: ask the shop\."):
        locate_dataset(make_dataset(), None, tmp_path)
    with pytest.raises(DataError, match="get it with `nextclick data fetch shop`"):
        locate_dataset(make_dataset({"official": dict}), None, tmp_path)


def test_fetched_files_lie_in_the_data_sets_folder(tmp_path: Path) -> None:
    """The first source is the default, another can be named, and no temporary file is left."""
    dataset = make_dataset(
        {"index": lambda: {"log.csv": b"1", "items.csv": b"2"}, "official": lambda: {"log.csv": b"3"}}
    )
    folder = fetch_dataset(dataset, None, tmp_path)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"log.csv": b"1", "items.csv": b"2"}
    fetch_dataset(dataset, "official", tmp_path)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"log.csv": b"3", "items.csv": b"2"}


def test_failed_write_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash in the middle leaves the old file whole and no other behind."""
    folder = put(tmp_path / "shop-clicks", "log.csv")

    def fail(path: Path, target: Path) -> None:
        raise OSError(f"no space left for {target} at {path}")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="no space"):
        fetch_dataset(make_dataset({"official": lambda: {"log.csv": b"new"}}), None, tmp_path)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"log.csv": b""}


def test_unknown_source_and_no_source_are_errors(tmp_path: Path) -> None:
    """The message names the sources that there are, or says whom to ask."""
    with pytest.raises(DataError, match="has no source 'moon': choose one of official"):
        fetch_dataset(make_dataset({"official": dict}), "moon", tmp_path)
    with pytest.raises(DataError, match="cannot be fetched: ask the shop"):
        fetch_dataset(make_dataset(), None, tmp_path)
