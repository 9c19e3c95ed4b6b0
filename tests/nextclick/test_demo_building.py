import dataclasses
import io
from collections.abc import Mapping
from pathlib import Path

import pytest
from rich.console import Console

from models.datasets.dataset import Fetch
from models.errors import DataError
from nextclick.demo import building
from nextclick.demo.steps import Steps


def no_index() -> Mapping[str, bytes]:
    raise DataError("pip cannot download it.")


def no_network() -> Mapping[str, bytes]:
    raise DataError("The owner cannot be reached.")


def both_files() -> Mapping[str, bytes]:
    return {"ml-100k.inter": b"ratings", "ml-100k.item": b"films"}


def fetch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **sources: Fetch) -> tuple[Path, str]:
    """Fetch from these sources; return the folder and what was told."""
    monkeypatch.chdir(tmp_path)
    told = io.StringIO()
    dataset = dataclasses.replace(building.DATASET, sources=sources)
    folder = building._fetch(dataset, tmp_path / "fetched", None, Steps(Console(file=told, width=200)))
    return folder, told.getvalue()


def test_the_sources_are_tried_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package index has nothing, the owner has; the second time it is there."""
    folder, told = fetch(tmp_path, monkeypatch, index=no_index, official=both_files)
    assert (folder / "ml-100k.item").read_bytes() == b"films"
    assert "GroupLens" in told
    assert "reused" not in told
    again, told = fetch(tmp_path, monkeypatch, index=no_index, official=no_network)
    assert again == folder
    assert "reused" in told


def test_where_nothing_can_be_fetched_it_says_why_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both reasons, and how to bring the files oneself."""
    with pytest.raises(DataError) as raised:
        fetch(tmp_path, monkeypatch, index=no_index, official=no_network)
    assert "index: pip cannot download it. official: The owner cannot be reached." in str(raised.value)
    assert "put ml-100k.inter and ml-100k.item into FOLDER/movielens-100k" in str(raised.value)
    assert "--data-folder FOLDER (or NEXTCLICK_DATA=FOLDER)" in str(raised.value)
