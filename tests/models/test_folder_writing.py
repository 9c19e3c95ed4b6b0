from pathlib import Path

import pytest

from models.folder_writing import replaced_folder


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    """Nothing stands in its place until the block ends."""
    folder = tmp_path / "deep" / "folder"
    with replaced_folder(folder, "marker") as staging:
        (staging / "marker").write_bytes(b"1")
        assert not folder.exists()
    assert (folder / "marker").read_bytes() == b"1"
    assert [entry.name for entry in folder.parent.iterdir()] == ["folder"]


def test_an_older_folder_of_its_kind_is_replaced(tmp_path: Path) -> None:
    """Files of the old one do not survive in the new one."""
    for content in (b"old", b"new"):
        with replaced_folder(tmp_path / "folder", "marker") as staging:
            (staging / "marker").write_bytes(content)
            (staging / content.decode()).touch()
    assert sorted(entry.name for entry in (tmp_path / "folder").iterdir()) == ["marker", "new"]
    assert len(list(tmp_path.iterdir())) == 1


def test_after_an_exception_everything_is_as_it_was(tmp_path: Path) -> None:
    """The old folder stays, and nothing half-written lies about."""
    with replaced_folder(tmp_path / "folder", "marker") as staging:
        (staging / "marker").write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        _interrupted_write(tmp_path / "folder")
    assert (tmp_path / "folder" / "marker").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def _interrupted_write(folder: Path) -> None:
    with replaced_folder(folder, "marker") as staging:
        (staging / "marker").write_bytes(b"new")
        raise KeyboardInterrupt


def test_a_folder_of_another_kind_is_never_replaced(tmp_path: Path) -> None:
    """What does not hold the marker may be somebody's work."""
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / "chapter.txt").touch()
    with pytest.raises(FileExistsError, match="in the way"), replaced_folder(folder, "marker") as staging:
        (staging / "marker").touch()
    assert (folder / "chapter.txt").exists()
    assert len(list(tmp_path.iterdir())) == 1
