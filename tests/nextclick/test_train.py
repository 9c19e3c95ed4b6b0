import json
from pathlib import Path

import polars as pl
import pytest
import torch
from typer.testing import CliRunner, Result

from models.errors import CheckpointError, DataError, SettingsError
from models.preparation.prepared_data import CLICK_SCHEMA, Description, PreparedData
from models.session_rule import SessionRule
from models.training.checkpoint import load_checkpoint
from nextclick.cli import app
from tests.nextclick.small_network import SMALL_NETWORK

ITEMS = "abcdefg"
CONFIG = f'epochs = 8\n{SMALL_NETWORK}metric = "Recall@1"\n'


def make_clicks(first_session: int, sessions: int) -> pl.DataFrame:
    """Sessions that walk seven items in a circle."""
    rows = [
        (f"u{number}", f"s{number}", ITEMS[(number + step) % 7], number * 1_000_000 + step * 1_000, None, None)
        for number in range(first_session, first_session + sessions)
        for step in range(5)
    ]
    return pl.DataFrame(rows, schema=CLICK_SCHEMA, orient="row")


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with prepared data in `circles` and a configuration in `small.toml`; the current folder."""
    description = Description("circles", SessionRule(), "by time", exclude_seen=False, cleaning=())
    PreparedData(description, make_clicks(0, 40), make_clicks(40, 6), None).save(tmp_path / "circles")
    (tmp_path / "small.toml").write_text(CONFIG, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_train(*arguments: str) -> Result:
    """Run `nextclick train` on the circles; errors of ours come through."""
    threads = torch.get_num_threads()
    try:
        command = ["train", "--dataset", "circles", "--config", "small.toml", "--threads", "1", *arguments]
        return CliRunner().invoke(app, command, catch_exceptions=False)
    finally:
        torch.set_num_threads(threads)


def test_training_writes_a_checkpoint_and_reports_in_json(workplace: Path) -> None:
    """Standard output is one JSON object, beside popularity; the bar and the epochs' lines go to standard error."""
    result = run_train("--json")
    report = json.loads(result.stdout)
    assert report["checkpoint"] == "checkpoints/circles"
    assert report["test"]["network"]["metrics"]["Recall@1"] == 1.0
    assert report["test"]["popularity"]["metrics"]["Recall@1"] < 0.4
    assert len(report["epochs"]) == report["best_epoch"] == 8
    assert "Epoch  8  loss" in result.stderr

    checkpoint = load_checkpoint(workplace / "checkpoints" / "circles")
    assert checkpoint.description.metrics == report["test"]["network"]["metrics"]
    assert checkpoint.description.training_data.clicks == 200


def test_a_person_reads_a_table_and_the_next_command(workplace: Path) -> None:
    """The network and popularity under each other."""
    result = run_train("--out", "elsewhere")
    assert "Learned 200 clicks of 40 sessions of circles in 8 epochs" in result.stdout
    assert "24 test clicks of 6 sessions" in result.stdout
    assert "popularity" in result.stdout
    assert "Next: nextclick export elsewhere" in result.stdout
    assert (workplace / "elsewhere" / "checkpoint.json").is_file()


@pytest.mark.usefixtures("workplace")
def test_while_tuning_the_test_clicks_are_left_alone() -> None:
    """A validation period off the end of training, its figures in every epoch's line, and no figures of the test."""
    result = run_train("--validation-share", "0.25", "--no-evaluate", "--epochs", "2", "--seed", "9", "--json")
    report = json.loads(result.stdout)
    assert report["test"] is None
    assert [epoch["validation"]["sessions"] for epoch in report["epochs"]] == [10, 10]
    assert "validation Recall@1" in result.stderr
    description = load_checkpoint(Path("checkpoints/circles")).description
    assert (description.config.seed, description.config.epochs, description.config.validation.share) == (9, 2, 0.25)
    assert description.metrics == {}


@pytest.mark.usefixtures("workplace")
def test_what_is_not_there_is_said_in_one_line() -> None:
    """Data that nobody prepared, a configuration that nobody wrote."""
    with pytest.raises(DataError, match="nextclick data prepare"):
        CliRunner().invoke(app, ["train", "--dataset", "nothing"], catch_exceptions=False)
    with pytest.raises(SettingsError, match="There is no configuration other"):
        CliRunner().invoke(app, ["train", "--dataset", "circles", "--config", "other"], catch_exceptions=False)


@pytest.mark.parametrize("out", [".", "notes", "notes/todo.txt", "notes/todo.txt/deep"])
def test_a_place_that_is_taken_is_refused_before_anything_is_trained(out: str, workplace: Path) -> None:
    """And not after hours; what is there stays, and nothing is put beside it."""
    (workplace / "notes").mkdir()
    (workplace / "notes" / "todo.txt").touch()
    with pytest.raises(CheckpointError, match="could not be written"):
        run_train("--out", out)
    assert [path.name for path in (workplace / "notes").iterdir()] == ["todo.txt"]
    assert not list(workplace.glob("*.training.safetensors"))
