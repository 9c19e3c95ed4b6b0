"""`export`, `inspect`, `recommend` and `evaluate`: from a checkpoint to figures, through the real command line."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from export.artifact import Artifact, load_artifact
from models.counts.recipe import CountsRecipe
from models.errors import ArtifactError, CatalogueError, DataError, SettingsError
from models.preparation.prepared_data import Description, PreparedData
from models.session_rule import SessionRule
from models.training.checkpoint import Checkpoint, CheckpointDescription, save_checkpoint
from models.training.config import TrainingConfig
from nextclick.cli import app
from tests.factories import make_click_table, make_tiny_artifact, make_tiny_model, make_tiny_network


def _run(*arguments: object) -> str:
    """Run `nextclick` and return what it printed on stdout; errors of ours come through."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def prepared_folder(tmp_path: Path) -> Path:
    """A folder of prepared data sets that has one, `tiny`: three test sessions."""
    clicks = make_click_table(
        [
            ("ada", "item-05"),
            ("ada", "item-01"),
            ("ada", "item-15"),
            ("bob", "item-02"),
            ("bob", "item-00"),
            ("cleo", "item-03"),
        ]
    )
    description = Description("tiny", SessionRule(), "made up", exclude_seen=False, cleaning=())
    PreparedData(description, clicks, clicks, None).save(tmp_path / "tiny")
    return tmp_path


def test_export_writes_an_artifact_where_it_is_told(tmp_path: Path) -> None:
    """And says which model it is."""
    model, network = make_tiny_model(), make_tiny_network()
    description = CheckpointDescription(
        network=network.config,
        features=(),
        session_rule=model.session_rule,
        exclude_seen=False,
        training_data=model.training_data,
        config=TrainingConfig(),
        history=(),
        metrics={},
        vocabulary_digest=model.vocabulary.digest,
        libraries={},
    )
    save_checkpoint(
        tmp_path / "checkpoint", Checkpoint(network, model.vocabulary, model.popularity, model.catalogue, description)
    )
    arguments = ("export", tmp_path / "checkpoint", "--out", tmp_path / "artifact", "--list-length", 7)
    printed = _run(*arguments)
    artifact = load_artifact(tmp_path / "artifact")
    assert artifact.manifest.list_length == 7
    assert f"model {artifact.manifest.model_id}, 30 items" in printed
    assert "exact ranking with recall 1.0000" in printed
    assert "int8 ranking with recall 1.0000" in _run(*arguments, "--ranking", "int8")


def test_inspect_prints_a_page_or_the_manifest(tiny_artifact: Artifact) -> None:
    """For a person, or whole for a program."""
    assert "state per user" in _run("inspect", tiny_artifact.folder)
    manifest = json.loads(_run("inspect", tiny_artifact.folder, "--json"))
    assert manifest == json.loads((tiny_artifact.folder / "manifest.json").read_text(encoding="utf-8"))


def test_inspect_refuses_what_was_tampered_with(tiny_artifact: Artifact, tmp_path: Path) -> None:
    """Hashes are checked before anything is shown."""
    folder = Path(shutil.copytree(tiny_artifact.folder, tmp_path / "copied"))
    (folder / "rank.onnx").write_bytes(b"")
    with pytest.raises(ArtifactError, match=r"rank\.onnx is not the file"):
        _run("inspect", folder)


def test_recommend_takes_ids_and_titles_and_shows_titles(tiny_artifact: Artifact) -> None:
    """As many items as were asked for."""
    printed = _run("recommend", tiny_artifact.folder, "--history", "item-03,title of ITEM-08", "--top", 3)
    assert "After Title of item-03, Title of item-08" in printed
    assert printed.count("Title of item-") == 2 + 3


def test_recommend_can_leave_out_what_was_clicked(tiny_artifact: Artifact) -> None:
    """The JSON has ids and scores, best first."""
    arguments = ("recommend", tiny_artifact.folder, "--history", "item-03", "--json", "--exclude-seen")
    printed = json.loads(_run(*arguments))
    assert printed["history"] == ["item-03"]
    assert len(printed["items"]) == 10
    assert "item-03" not in {one["item_id"] for one in printed["items"]}


def test_recommend_names_items_near_to_an_unknown_one(tiny_artifact: Artifact) -> None:
    """A slip of the finger is told what it may have meant."""
    with pytest.raises(CatalogueError, match=r'No item is called "itm-07"; the nearest are .*\(id item-07\)'):
        _run("recommend", tiny_artifact.folder, "--history", "item-01,itm-07")


def test_evaluate_shows_the_model_and_popularity_beside_it(tiny_artifact: Artifact, prepared_folder: Path) -> None:
    """By the data set's name, or by its folder."""
    by_name = ("--dataset", "tiny", "--prepared-folder", prepared_folder)
    report = json.loads(_run("evaluate", tiny_artifact.folder, *by_name, "--json"))
    assert report["model_id"] == tiny_artifact.manifest.model_id
    assert (report["clicks"], report["predictions"], report["sessions"]) == (6, 3, 2)
    assert report["popularity"]["Recall@10"] == pytest.approx(2 / 3)

    printed = _run("evaluate", tiny_artifact.folder, "--dataset", prepared_folder / "tiny")
    assert "Recall of popularity" in printed
    assert "3 predictions in 2 sessions, 6 clicks" in printed


def test_evaluate_follows_the_clicks_live(prepared_folder: Path, tmp_path: Path) -> None:
    """With a recipe for counts in the artifact; without one it says what to do."""
    artifact = make_tiny_artifact(tmp_path / "live", counts=CountsRecipe(strength=1_000.0))
    arguments = ("evaluate", artifact.folder, "--dataset", prepared_folder / "tiny", "--live", "--counts-delay")
    report = json.loads(_run(*arguments, "10m", "--json"))
    assert (report["delay_ms"], report["ranked_at"], report["predictions"]) == (600_000, "request", 3)
    assert "live, counts 0 late" in _run(*arguments, "0")


def test_evaluate_takes_the_first_clicks_only(tiny_artifact: Artifact, prepared_folder: Path) -> None:
    """A quick look."""
    by_folder = ("--dataset", prepared_folder / "tiny", "--limit", 2, "--json")
    assert json.loads(_run("evaluate", tiny_artifact.folder, *by_folder))["predictions"] == 1


def test_evaluate_from_disk_says_the_same(tiny_artifact: Artifact, prepared_folder: Path) -> None:
    """Byte for byte, and of the first clicks too; live counts need everyone's clicks in one order."""
    evaluate = ("evaluate", tiny_artifact.folder, "--dataset", prepared_folder / "tiny", "--json")
    assert _run(*evaluate, "--on-disk") == _run(*evaluate, "--in-memory")
    assert json.loads(_run(*evaluate, "--on-disk", "--limit", 3))["clicks"] == 3
    with pytest.raises(SettingsError, match="leave --on-disk out, or --live"):
        _run(*evaluate, "--on-disk", "--live")


def test_evaluate_says_how_to_get_a_data_set_that_is_not_there(tiny_artifact: Artifact, tmp_path: Path) -> None:
    """One line, with the command."""
    with pytest.raises(DataError, match="make some with `nextclick data prepare`"):
        _run("evaluate", tiny_artifact.folder, "--dataset", "nowhere", "--prepared-folder", tmp_path)
