"""The whole line on a tiny data set: two baselines, means of ratings, and an LSTM of eight units that is exported."""

import json
from pathlib import Path

import msgspec
import polars as pl
import pytest
from typer.testing import CliRunner, Result

from models.errors import DataError, SettingsError
from models.preparation.prepared_data import CLICK_SCHEMA, Description, PreparedData
from models.session_rule import SessionRule
from nextclick.cli import app
from nextclick.leaderboard import making, networks
from nextclick.leaderboard.board import Leaderboard
from tests.nextclick.small_network import SMALL_NETWORK

ITEMS = "abcdefg"
NETWORK = f"epochs = 8\n{SMALL_NETWORK}"
COUNTED = """
resamples = 50
[[baselines]]
dataset = "circles"
model = {kind = "popularity"}
[[baselines]]
dataset = "circles"
model = {kind = "item_knn", shrinkage = 0.0}
[[ratings]]
dataset = "circles"
model = {kind = "user_mean"}
"""
TRAINED = (
    COUNTED
    + """
[[networks]]
dataset = "circles"
name = "lstm"
config = "small.toml"
tuned_on = "nothing at all"
"""
)

ENSEMBLE = (
    TRAINED
    + """
[[networks]]
dataset = "circles"
name = "popular"
config = {network = {kind = "popularity"}, validation = {share = 0.0}}
[[ensembles]]
dataset = "circles"
name = "both"
members = ["popular", "lstm"]
weights = [0.0, 1.0]
"""
)


def make_clicks(first_session: int, sessions: int) -> pl.DataFrame:
    """Sessions that walk seven items in a circle, each rated by its place in the alphabet."""
    rows = [
        (f"u{number}", f"s{number}", ITEMS[item], number * 1_000_000 + step * 1_000, None, float(item))
        for number in range(first_session, first_session + sessions)
        for step in range(5)
        for item in [(number + step) % 7]
    ]
    return pl.DataFrame(rows, schema=CLICK_SCHEMA, orient="row")


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with prepared data and configurations; the current folder."""
    description = Description("circles", SessionRule(), "by time", exclude_seen=False, cleaning=())
    prepared = PreparedData(description, make_clicks(0, 40), make_clicks(40, 6), None)
    prepared.save(tmp_path / "data" / "prepared" / "circles")
    for name, text in (("small.toml", NETWORK), ("counted.toml", COUNTED), ("trained.toml", TRAINED)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(app, ["leaderboard", *arguments], catch_exceptions=False)


def board_in(workplace: Path) -> Leaderboard:
    """What the command wrote."""
    written = (workplace / "build" / "leaderboard" / "leaderboard.json").read_bytes()
    return msgspec.json.decode(written, type=Leaderboard)


def test_baselines_and_ratings_are_measured_and_written(workplace: Path) -> None:
    """In a circle neighbours beat popularity; the files are there, and stdout is JSON where it is asked for."""
    result = run("counted.toml", "--json")
    assert result.exit_code == 0
    printed = json.loads(result.stdout)
    assert [line["model"] for line in printed["lines"]] == ["item_knn", "popularity", "user_mean"]
    figures = {(row["model"], row["metric"]): row for row in printed["rows"]}
    assert figures["item_knn", "MRR@20"]["value"] > 2 * figures["popularity", "MRR@20"]["value"]
    assert figures["popularity", "Coverage@20"]["value"] == 1.0
    # A list of 20 holds all seven items, whatever the next clicks are.
    assert figures["popularity", "Next5Recall@20"]["value"] == 1.0
    assert 0 < figures["user_mean", "MAE"]["low"] <= figures["user_mean", "MAE"]["high"] < 7
    assert msgspec.json.encode(board_in(workplace)).decode() == result.stdout.strip()
    folder = workplace / "build" / "leaderboard"
    assert (folder / "leaderboard.png").read_bytes().startswith(b"\x89PNG")
    assert "| item_knn |" in (folder / "leaderboard.md").read_text(encoding="utf-8")


def test_what_was_measured_is_taken_over(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second run makes nothing; another setting makes its own entry alone; --fresh makes what it selects."""
    made: list[str] = []
    make = making.Workshop.make

    def counting(*arguments: object) -> object:
        made.append(str(arguments[1]))
        return make(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(making.Workshop, "make", counting)
    run("counted.toml")
    first = board_in(workplace)
    assert len(made) == 3
    run("counted.toml")
    assert len(made) == 3
    assert board_in(workplace).rows == first.rows
    changed = COUNTED.replace("shrinkage = 0.0", "shrinkage = 9.0")
    (workplace / "counted.toml").write_text(changed, encoding="utf-8")
    run("counted.toml")
    assert made[3:] == ["circles/item_knn/0"]
    run("counted.toml", "--fresh", "--only", "popularity")
    assert made[4:] == ["circles/popularity/0"]


def test_only_some_are_measured_and_the_others_are_named(workplace: Path) -> None:
    result = run("counted.toml", "--only", "circles/*_knn")
    assert "Not measured: circles/popularity/0, circles/user_mean/0" in result.stdout.replace("\n", " ")
    assert [line.model for line in board_in(workplace).lines] == ["item_knn"]


@pytest.mark.usefixtures("workplace")
def test_a_pattern_that_takes_nothing_is_refused() -> None:
    """A misspelt name would look like a run that had nothing to do."""
    with pytest.raises(
        SettingsError, match=r"--only circle/\* takes nothing of this leaderboard: it has circles/popul"
    ):
        run("counted.toml", "--only", "popularity", "--only", "circle/*")


@pytest.mark.usefixtures("workplace")
def test_a_file_in_the_place_of_the_folder_is_one_line(tmp_path: Path) -> None:
    """The pages cannot be written; what was measured is kept."""
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"leaderboard\.json cannot be written"):
        run("counted.toml", "--out", str(tmp_path / "file"))


def test_what_is_not_selected_needs_no_data(workplace: Path) -> None:
    """A data set that is nowhere is no error where nothing of it was asked for."""
    more = COUNTED + '[[baselines]]\ndataset = "nowhere"\nmodel = {kind = "popularity"}\n'
    (workplace / "counted.toml").write_text(more, encoding="utf-8")
    assert run("counted.toml", "--only", "circles/item_knn").exit_code == 0
    missing = [one.entry for one in board_in(workplace).head.missing]
    assert missing == ["circles/popularity/0", "nowhere/popularity/0", "circles/user_mean/0"]


def test_a_failure_costs_no_other_entry(workplace: Path) -> None:
    """The data set that nobody has is said, the exit code is 1, and the table has the rest."""
    broken = COUNTED + '[[baselines]]\ndataset = "nowhere"\nmodel = {kind = "popularity"}\n'
    (workplace / "counted.toml").write_text(broken, encoding="utf-8")
    result = run("counted.toml")
    assert result.exit_code == 1
    assert "nowhere is no public data set, and not prepared at" in result.stderr
    assert len(board_in(workplace).lines) == 3
    (missing,) = board_in(workplace).head.missing
    assert missing.reason.startswith("nowhere is no public data set")


@pytest.mark.slow
def test_a_network_is_trained_exported_and_timed(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It learns the circle; a later run with other resamples measures anew without training again."""
    run("trained.toml")
    line = board_in(workplace).lines[0]
    assert (line.model, line.kind, line.tuned_on) == ("lstm", "lstm", "nothing at all")
    assert line.figures["MRR@20"].value > 0.95
    # hidden and cell of 8 numbers, two bytes each.
    assert line.figures["state_bytes"].value == 32
    assert line.figures["artifact_bytes"].value > 1_000
    cost = line.figures["microseconds_per_click"]
    assert 0 < cost.low <= cost.value <= cost.high
    assert line.figures["training_seconds"].value > 0
    assert len(line.model_ids) == 1

    def never(*_arguments: object, **_options: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(networks, "train_and_report", never)
    monkeypatch.setattr(networks, "export_checkpoint", never)
    (workplace / "trained.toml").write_text(TRAINED.replace("resamples = 50", "resamples = 60"), encoding="utf-8")
    assert run("trained.toml").exit_code == 0
    assert board_in(workplace).lines[0].model_ids == line.model_ids
    with pytest.raises(AssertionError, match="trained again"):
        run("trained.toml", "--fresh", "--only", "lstm")


@pytest.mark.slow
def test_an_ensemble_is_put_together_of_what_was_trained(workplace: Path) -> None:
    """It lists as its only member does that weighs anything, and keeps what both keep of a user."""
    (workplace / "both.toml").write_text(ENSEMBLE, encoding="utf-8")
    assert run("both.toml", "--only", "both").exit_code == 0
    assert [line.model for line in board_in(workplace).lines] == ["both"]
    assert run("both.toml").exit_code == 0
    lines = {line.model: line for line in board_in(workplace).lines}
    assert lines["both"].kind == "ensemble"
    assert lines["both"].figures["MRR@20"] == lines["lstm"].figures["MRR@20"]
    assert lines["both"].figures["MRR@20"] != lines["popular"].figures["MRR@20"]
    for name in ("state_bytes", "training_seconds"):
        apart = [lines[member].figures[name].value for member in ("popular", "lstm")]
        assert lines["both"].figures[name].value == pytest.approx(sum(apart))
