"""`nextclick simulate --prequential`."""

import sys
from pathlib import Path

import msgspec
import polars as pl
import pytest
from typer.testing import CliRunner

from export.artifact import Artifact
from nextclick.__main__ import EXTRA_OF_MODULE
from nextclick.cli import app
from nextclick.prequential.figures import figures_of
from nextclick.prequential.outcomes import score_recording
from tests.nextclick.prequential.test_outcomes import HEAD, settings_of
from tests.nextclick.recording.made import write_recording
from tests.nextclick.simulation.clicks import recorded_clicks


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Three hundred clicks."""
    path = tmp_path / "r.parquet"
    write_recording(path, recorded_clicks(300), HEAD)
    return path


def test_outcomes_are_kept_drawn_and_summed_up(tiny_artifact: Artifact, tmp_path: Path, recording: Path) -> None:
    out, plot = tmp_path / "outcomes.parquet", tmp_path / "plot.svg"
    options = ["--prequential-out", str(out), "--plot", str(plot), "--batch", "64", "--json"]
    ended = CliRunner().invoke(
        app, ["simulate", str(tiny_artifact.folder), str(recording), *options], catch_exceptions=False
    )
    expected = score_recording(tiny_artifact, settings_of(tiny_artifact), HEAD, recorded_clicks(300))
    assert pl.read_parquet(out).equals(expected)
    assert "HitRate@10" in plot.read_text(encoding="utf-8")
    said = msgspec.json.decode(ended.stdout)["prequential"]
    assert said["all"] == msgspec.to_builtins(figures_of(expected))
    assert (said["model_id"], said["list_length"]) == (tiny_artifact.manifest.model_id, 10)
    assert said["unknown_items"] == (expected["item_id"] == "unknown").sum() > 0
    assert sum(one["clicks"] for one in said["history"].values()) == len(expected)
    assert sum(one["clicks"] for one in said["strategy"].values()) == len(expected)


def test_people_get_a_table(tiny_artifact: Artifact, recording: Path) -> None:
    """Behind what every simulation says; without the option there is none."""
    command = ["simulate", str(tiny_artifact.folder), str(recording)]
    said = CliRunner().invoke(app, [*command, "--prequential"], catch_exceptions=False).stdout
    assert f"model {tiny_artifact.manifest.model_id}" in said
    figures = figures_of(score_recording(tiny_artifact, settings_of(tiny_artifact), HEAD, recorded_clicks(300)))
    assert figures is not None
    (row,) = [line for line in said.splitlines() if line.split()[:1] == ["all"]]
    assert row.split()[1:4] == [
        str(figures.clicks),
        f"{figures.lists.hit_rate:.4f}",
        f"{figures.popular.hit_rate:.4f}",
    ]
    assert "history 5-9" in said
    assert "HitRate" not in CliRunner().invoke(app, command, catch_exceptions=False).stdout


def test_first_clicks_alone_have_no_figures(tiny_artifact: Artifact, tmp_path: Path) -> None:
    recording = tmp_path / "one.parquet"
    write_recording(recording, recorded_clicks(1), HEAD)
    command = ["simulate", str(tiny_artifact.folder), str(recording), "--prequential"]
    assert "0 clicks of 0 users" in CliRunner().invoke(app, command, catch_exceptions=False).stdout
    said = msgspec.json.decode(CliRunner().invoke(app, [*command, "--json"], catch_exceptions=False).stdout)
    assert said["prequential"]["all"] is None


@pytest.mark.parametrize("option", ["--prequential-out", "--plot"])
def test_what_is_there_is_refused_before_the_run(
    tiny_artifact: Artifact, tmp_path: Path, recording: Path, option: str
) -> None:
    path = tmp_path / ("o.parquet" if option == "--prequential-out" else "p.png")
    path.write_text("mine")
    ended = CliRunner().invoke(app, ["simulate", str(tiny_artifact.folder), str(recording), option, str(path)])
    assert "is there already" in str(ended.exception)
    assert ended.stdout == ""


def test_a_plot_without_its_extra_is_refused_before_the_run(
    tiny_artifact: Artifact, tmp_path: Path, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error's module is one that the command line names the extra of."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "nextclick.prequential.plot", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    command = ["simulate", str(tiny_artifact.folder), str(recording), "--plot", str(tmp_path / "p.png")]
    ended = CliRunner().invoke(app, command)
    assert isinstance(ended.exception, ModuleNotFoundError)
    assert EXTRA_OF_MODULE[(ended.exception.name or "").partition(".")[0]] == "report"
    assert ended.stdout == ""
