import json
import shutil
from pathlib import Path

import msgspec
import polars as pl
import pytest

from export.artifact import Artifact, Manifest, load_artifact, write_artifact
from models.errors import ArtifactError, VocabularyError


@pytest.fixture
def copied(tiny_artifact: Artifact, tmp_path: Path) -> Artifact:
    """The tiny artifact in a folder of the test's own, free to be damaged."""
    return load_artifact(Path(shutil.copytree(tiny_artifact.folder, tmp_path / "copied")))


def _rewrite_manifest(artifact: Artifact, **changed: object) -> None:
    path = artifact.folder / "manifest.json"
    fields = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**fields, **changed}), encoding="utf-8")


def _write_again(artifact: Artifact, manifest: Manifest, folder: Path, staging: Path) -> Artifact:
    """Write a copy of an artifact's files under another manifest."""
    staging.mkdir()
    contents = {name: Path(shutil.copy(artifact.folder / name, staging / name)) for name in artifact.manifest.files}
    return write_artifact(folder, manifest, contents)


def test_a_loaded_artifact_knows_its_items_in_row_order(tiny_artifact: Artifact) -> None:
    """The vocabulary and the table of items have the network's rows."""
    loaded = load_artifact(tiny_artifact.folder)
    assert loaded.vocabulary.item_id_of(3) == "item-03"
    assert loaded.items.row(3, named=True) == {
        "item_id": "item-03",
        "popularity": 270,
        "title": "Title of item-03",
        "category": "odd",
    }


def test_an_artifact_can_be_read_by_other_users(tiny_artifact: Artifact) -> None:
    """A worker seldom runs as the user who exported."""
    assert tiny_artifact.folder.stat().st_mode & 0o055 == 0o055


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    """The message names the folder and the command that makes one."""
    with pytest.raises(ArtifactError, match=r"no artifact at .*nowhere: make one with `nextclick export`"):
        load_artifact(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["manifest.json", "step.onnx", "rank.onnx", "items.parquet", "reference.npz"])
def test_a_missing_file_is_refused(copied: Artifact, name: str) -> None:
    """Half an artifact is none, whichever half."""
    (copied.folder / name).unlink()
    with pytest.raises(ArtifactError, match=f"{name} is missing"):
        load_artifact(copied.folder)


@pytest.mark.parametrize("name", ["step.onnx", "rank.onnx", "items.parquet", "reference.npz"])
def test_a_file_with_one_other_bit_is_refused(copied: Artifact, name: str) -> None:
    """Every file is held against its hash."""
    path = copied.folder / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match=f"{name} is not the file that manifest.json was written for"):
        load_artifact(copied.folder)


@pytest.mark.parametrize("name", ["step.onnx", "rank.onnx", "items.parquet", "reference.npz"])
def test_a_file_cut_short_is_refused(copied: Artifact, name: str) -> None:
    """A copy that broke off is found out."""
    path = copied.folder / name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ArtifactError, match=f"{name} is not the file"):
        load_artifact(copied.folder)


@pytest.mark.parametrize(
    "changed",
    [
        {"exclude_seen": True},
        {"list_length": 5},
        {"model_id": "0000000000000000"},
        {"session_rule": {"by_id": False, "gap_ms": None}},
        {"metrics": {"Recall@20": 0.99}},
    ],
)
def test_a_manifest_with_another_value_is_refused(copied: Artifact, changed: dict[str, object]) -> None:
    """The model id covers the whole manifest, so nothing in it can be edited unnoticed."""
    _rewrite_manifest(copied, **changed)
    with pytest.raises(ArtifactError, match="was changed after it was written"):
        load_artifact(copied.folder)


def test_a_newer_format_is_refused_whatever_else_it_holds(copied: Artifact) -> None:
    """A manifest of the future may have any shape: its version is looked at first."""
    (copied.folder / "manifest.json").write_text('{"format_version": 3, "graphs": []}', encoding="utf-8")
    with pytest.raises(ArtifactError, match="has format 3, this nextclick reads format 2: upgrade nextclick"):
        load_artifact(copied.folder)


def test_an_older_format_is_refused(copied: Artifact) -> None:
    """Format 1 says neither how many rows a run of rank.onnx should have nor what its lists should hold."""
    (copied.folder / "manifest.json").write_text('{"format_version": 1}', encoding="utf-8")
    with pytest.raises(ArtifactError, match="has format 1, this nextclick reads format 2: export the model again"):
        load_artifact(copied.folder)


def test_an_unknown_field_in_the_manifest_is_refused(copied: Artifact) -> None:
    """What this version does not know it cannot obey."""
    _rewrite_manifest(copied, boost_length=3)
    with pytest.raises(ArtifactError, match=r"is not a manifest .*boost_length"):
        load_artifact(copied.folder)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format_version": 2}', b"\xff\xfe"])
def test_a_manifest_that_is_none_is_refused(copied: Artifact, content: bytes) -> None:
    """A half-written or foreign file gives a message, not a decoder's exception."""
    (copied.folder / "manifest.json").write_bytes(content)
    with pytest.raises(ArtifactError, match="is not a manifest"):
        load_artifact(copied.folder)


def test_items_of_another_vocabulary_are_refused(copied: Artifact, tmp_path: Path) -> None:
    """Hashes may hold and the items still not be the ones that the network was trained on."""
    items = copied.items.with_columns(pl.col("item_id").reverse())
    items.write_parquet(copied.folder / "items.parquet")
    with pytest.raises(VocabularyError, match=r"does not hold the items that manifest.json names"):
        _write_again(copied, copied.manifest, tmp_path / "other", tmp_path / "staging")


def test_items_that_are_no_table_are_refused(copied: Artifact, tmp_path: Path) -> None:
    """The hash may be right and the file still unreadable."""
    (copied.folder / "items.parquet").write_bytes(b"no table")
    with pytest.raises(ArtifactError, match=r"items.parquet cannot be read"):
        _write_again(copied, copied.manifest, tmp_path / "other", tmp_path / "staging")


def test_the_same_contents_have_the_same_model_id(copied: Artifact, tmp_path: Path) -> None:
    """The model id names the contents, not the place or the time."""
    again = _write_again(copied, copied.manifest, tmp_path / "other" / "place", tmp_path / "staging")
    assert again.manifest == copied.manifest


def test_another_manifest_has_another_model_id(copied: Artifact, tmp_path: Path) -> None:
    """A setting that changes the lists changes the id that they carry."""
    other = msgspec.structs.replace(copied.manifest, exclude_seen=True)
    again = _write_again(copied, other, tmp_path / "other", tmp_path / "staging")
    assert again.manifest.model_id != copied.manifest.model_id


def test_a_crash_while_writing_leaves_the_old_artifact_whole(
    copied: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new one is written beside its place: until it is whole, readers see the old one."""

    def crash_on_items(source: Path, target: Path) -> None:
        if source.name == "items.parquet":
            raise KeyboardInterrupt
        source.rename(target)

    monkeypatch.setattr("export.artifact.shutil.move", crash_on_items)
    other = msgspec.structs.replace(copied.manifest, exclude_seen=True)
    with pytest.raises(KeyboardInterrupt):
        _write_again(copied, other, copied.folder, tmp_path / "staging")
    assert load_artifact(copied.folder).manifest == copied.manifest
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copied", "staging"]


def test_a_crash_between_the_two_renames_leaves_the_old_artifact_whole(
    copied: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the new folder cannot take its place, the old one returns to it."""
    rename = Path.rename

    def fail_on_the_new_one(self: Path, target: Path) -> Path:
        if target == copied.folder and (self / "manifest.json").read_bytes() != old:
            raise OSError("no space left on device")
        return rename(self, target)

    old = (copied.folder / "manifest.json").read_bytes()
    monkeypatch.setattr(Path, "rename", fail_on_the_new_one)
    other = msgspec.structs.replace(copied.manifest, exclude_seen=True)
    with pytest.raises(ArtifactError, match="cannot be written: no space left on device"):
        _write_again(copied, other, copied.folder, tmp_path / "staging")
    assert load_artifact(copied.folder).manifest == copied.manifest


def test_an_older_artifact_is_replaced(copied: Artifact, tmp_path: Path) -> None:
    """Exporting to the same place again needs no cleaning up, and leaves nothing behind."""
    other = msgspec.structs.replace(copied.manifest, exclude_seen=True)
    _write_again(copied, other, copied.folder, tmp_path / "staging")
    assert load_artifact(copied.folder).manifest.exclude_seen
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copied", "staging"]


def test_a_folder_that_is_no_artifact_is_left_alone(copied: Artifact, tmp_path: Path) -> None:
    """A mistyped --out must not cost anybody his files."""
    thesis = tmp_path / "thesis"
    thesis.mkdir()
    (thesis / "chapter.tex").write_text("unsaved elsewhere", encoding="utf-8")
    with pytest.raises(ArtifactError, match="thesis is in the way"):
        _write_again(copied, copied.manifest, thesis, tmp_path / "staging")
    assert [path.name for path in thesis.iterdir()] == ["chapter.tex"]
