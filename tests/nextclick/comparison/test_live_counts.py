"""`nextclick compare` where models rank with everyone's clicks."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from export.artifact import Artifact
from models.counts.recipe import CountsRecipe
from nextclick.cli import app
from tests.click_tables import MAY_2024_MS
from tests.factories import make_tiny_artifact
from tests.nextclick.recording.made import make_head, write_recording
from tests.nextclick.simulation.clicks import recorded_clicks
from tests.nextclick.simulation.counting_workers import serve, write_topics
from workers.settings import load_settings

RECIPE = CountsRecipe(bucket_ms=30_000, session_reach=3, clicks_per_user=2, boost_length=16)
HEAD = make_head(recorded_at_ms=MAY_2024_MS + 400 * 86_400_000)
# Each option's name, and its value.
Options = tuple[str, ...]


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """The tiny artifact's network, with a recipe for live counts."""
    return make_tiny_artifact(tmp_path_factory.mktemp("counted") / "counted", counts=RECIPE)


@pytest.fixture(scope="module")
def clicks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recording") / "clicks.parquet"
    write_recording(path, recorded_clicks(), HEAD)
    return path


@pytest.fixture(scope="module")
def recorded(counted: Artifact, tmp_path_factory: pytest.TempPathFactory) -> Options:
    """What two workers published and counted of these clicks."""
    settings = load_settings(artifact=counted.folder)
    broker = serve(counted, settings, recorded_clicks(), workers=2)
    lists, counts = write_topics(broker, settings, tmp_path_factory.mktemp("topics"))
    return ("--counts", str(counts), "--lists", str(lists))


def compare(*arguments: object) -> str:
    """Run `nextclick compare` and return what it printed."""
    command = ["compare", *map(str, arguments), "--resamples", "200"]
    return CliRunner().invoke(app, command, env={"COLUMNS": "120", "TERM": "dumb"}, catch_exceptions=False).output


def compared(*arguments: object, folder: Path) -> dict[str, Any]:
    """Run it and return its JSON."""
    path = folder / "comparison.json"
    compare(*arguments, "--json", path, "--force")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def simulated(artifact: Artifact, clicks: Path, *options: str) -> dict[str, float]:
    """Return the figures of `nextclick simulate --prequential`."""
    command = ["simulate", str(artifact.folder), str(clicks), "--prequential", "--json", *options]
    said = json.loads(CliRunner().invoke(app, command, catch_exceptions=False).stdout)
    figures: dict[str, float] = said["prequential"]["all"]["lists"]
    return figures


def test_each_model_is_ranked_as_it_is_simulated(
    tiny_artifact: Artifact, counted: Artifact, clicks: Path, recorded: Options, tmp_path: Path
) -> None:
    """With counts of a stated delay, with recorded ones and without; a model that has none is ranked as ever."""
    plain = simulated(tiny_artifact, clicks)
    found = {}
    for options, said in ((("--counts-delay", "1m"), "60000 ms late"), (recorded, "as recorded"), ((), "none")):
        compared_now = compared(tiny_artifact.folder, counted.folder, clicks, *options, folder=tmp_path)
        reference, challenger, _ = compared_now["whole"]["models"]
        assert [model["live_counts"] for model in compared_now["models"]] == [None, said]
        assert reference["HitRate"] == pytest.approx(plain["hit_rate"])
        expected = simulated(counted, clicks, *options)
        assert challenger["HitRate"] == pytest.approx(expected["hit_rate"])
        assert challenger["MRR"] == pytest.approx(expected["mrr"])
        found[said] = challenger["MRR"]
    assert found["none"] == pytest.approx(plain["mrr"])
    assert len({round(value, 6) for value in found.values()}) == 3


def test_it_is_said_which_counts_a_model_was_ranked_with(
    tiny_artifact: Artifact, counted: Artifact, clicks: Path, tmp_path: Path
) -> None:
    """In the terminal and in the report."""
    report = tmp_path / "report.html"
    without = compare(tiny_artifact.folder, counted.folder, clicks, "--report", report)
    assert "Ranked without live counts, with which a worker serves them: counted. --counts-delay 60s" in without
    assert "Ranked without live counts" in report.read_text(encoding="utf-8")
    late = compare(tiny_artifact.folder, counted.folder, clicks, "--counts-delay", "1m", "--report", report, "--force")
    assert "Ranked with everyone's clicks of the moment: counted (60000 ms late)." in late
    assert "60000 ms late" in report.read_text(encoding="utf-8")
    for said in (late, report.read_text(encoding="utf-8"), compare(tiny_artifact.folder, tiny_artifact.folder, clicks)):
        assert "Ranked without live counts" not in said


def test_counts_for_models_without_any_are_refused(tiny_artifact: Artifact, clicks: Path) -> None:
    command = ["compare", str(tiny_artifact.folder), str(tiny_artifact.folder), str(clicks), "--counts-delay", "60s"]
    assert "None of these models is served with live counts" in str(CliRunner().invoke(app, command).exception)
