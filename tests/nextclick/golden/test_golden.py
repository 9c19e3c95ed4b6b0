"""Golden lists: kept exactly, checked readably, and usable from a team's own tests."""

import json
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from export.artifact import Artifact
from models.errors import RecordingError
from nextclick.cli import app
from nextclick.golden.comparison import Tolerance
from nextclick.golden.golden_file import GoldenFile
from nextclick.golden.making import check_golden, make_golden
from tests.nextclick.recording.made import write_recording
from tests.nextclick.simulation.clicks import recorded_clicks
from tests.nextclick.simulation.test_simulator import RECORDED_LATE, simulate


@pytest.fixture(scope="module")
def other_artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """The tiny artifact's network with other weights."""
    from tests.factories import make_tiny_artifact  # noqa: PLC0415 - torch

    return make_tiny_artifact(tmp_path_factory.mktemp("artifact") / "other", seed=1)


@pytest.fixture(params=[".parquet", ".jsonl"])
def recording(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"clicks{request.param}"
    write_recording(path, recorded_clicks(300), RECORDED_LATE)
    return path


@pytest.fixture
def golden(tiny_artifact: Artifact, recording: Path, tmp_path: Path) -> Path:
    path = tmp_path / "clicks.golden.parquet"
    make_golden(tiny_artifact.folder, recording, path)
    return path


def invoke(*arguments: object) -> tuple[int, str]:
    """Run `nextclick golden`."""
    result = CliRunner().invoke(app, ["golden", *map(str, arguments)], env={"COLUMNS": "120", "TERM": "dumb"})
    return result.exit_code, result.output + (str(result.exception) if result.exception else "")


def test_every_list_is_kept_to_the_last_bit(tiny_artifact: Artifact, golden: Path) -> None:
    """Items, scores, user and strategy are those of the published bodies."""
    lists, _ = simulate(tiny_artifact, recorded_clicks(300))
    kept = list(GoldenFile(golden).lists())
    for one, body in zip(kept, map(json.loads, lists), strict=True):
        assert [list(one.items), one.scores.astype(float).tolist()] == [body["items"], pytest.approx(body["scores"])]
        assert (one.user_id, one.strategy, one.offset) == (body["user_id"], body["strategy"], body["source"]["offset"])
    head = GoldenFile(golden).head
    assert (head.model_id, head.topic, head.records) == (tiny_artifact.manifest.model_id, "clicks", 300)
    assert head.lists == len(lists)
    assert head.settings["exclude_seen"] == "false"


def test_the_same_artifact_passes(tiny_artifact: Artifact, recording: Path, golden: Path) -> None:
    code, said = invoke("check", tiny_artifact.folder, recording, golden)
    assert code == 0, said
    assert "lists are the golden ones." in said


def test_another_model_is_told_in_detail(
    tiny_artifact: Artifact, other_artifact: Artifact, recording: Path, golden: Path
) -> None:
    """Which lists and users, from which rank on, how far the scores moved, and lists side by side; exit code 1."""
    code, said = invoke("check", other_artifact.folder, recording, golden)
    assert code == 1
    assert "lists changed (" in said
    assert "users: more than may." in said
    assert f"{tiny_artifact.manifest.model_id} -> {other_artifact.manifest.model_id}" in said
    for part in ("overlap@K", "scores", "first differing rank  1: ", "users", "rank  golden"):
        assert part in said
    code, said = invoke("check", other_artifact.folder, recording, golden, "--json")
    found = json.loads(next(line for line in said.splitlines() if line.startswith("{")))
    assert code == 1
    assert found["changed"] + found["equal"] == found["lists"]
    assert found["worst"][0]["before"]["items"] != found["worst"][0]["now"]["items"]
    assert invoke("check", other_artifact.folder, recording, golden, "--allow-changed", "1")[0] == 0
    assert invoke("check", other_artifact.folder, recording, golden, "--allow-changed", "1", "--min-overlap", "1")[0]


def test_another_setting_is_named(tiny_artifact: Artifact, recording: Path, golden: Path) -> None:
    """The seen filter changes lists; that it does is said beside what it changes."""
    code, said = invoke("check", tiny_artifact.folder, recording, golden, "--exclude-seen", "--examples", "1")
    assert code == 1
    assert "exclude_seen" in said
    assert "false -> true" in said


def test_a_tolerance_of_scores(
    tiny_artifact: Artifact, recording: Path, golden: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scores that are a millionth off fail exactly and pass within a hundred-thousandth."""
    from export.runtime import ModelRuntime  # noqa: PLC0415

    rank = ModelRuntime.rank

    def shifted(runtime: ModelRuntime, *inputs: object) -> object:
        top_item, top_score = rank(runtime, *inputs)  # type: ignore[arg-type]
        return top_item, top_score + 1e-6

    monkeypatch.setattr(ModelRuntime, "rank", shifted)
    exact = check_golden(tiny_artifact.folder, recording, golden).comparison
    assert not exact.is_passed
    assert 0 < exact.farthest_score_move < 1e-5
    near = check_golden(tiny_artifact.folder, recording, golden, tolerance=Tolerance(score=1e-5)).comparison
    assert near.is_passed
    assert near.tolerated == exact.changed


def test_lists_of_another_recording_are_refused(tiny_artifact: Artifact, golden: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.parquet"
    write_recording(other, recorded_clicks(300, seed=12), RECORDED_LATE)
    with pytest.raises(RecordingError, match="has the lists of another recording than"):
        check_golden(tiny_artifact.folder, other, golden)


def test_damaged_golden_lists_are_one_sentence(recording: Path, golden: Path) -> None:
    """Cut short, of another kind, of another version."""
    content = golden.read_bytes()
    golden.write_bytes(content[:-20])
    with pytest.raises(RecordingError, match="is cut short"):
        GoldenFile(golden)
    if recording.suffix == ".parquet":
        with pytest.raises(RecordingError, match="has no golden lists: its metadata"):
            GoldenFile(recording)
    golden.write_bytes(content.replace(b'"nextclick_golden":1', b'"nextclick_golden":7'))
    with pytest.raises(RecordingError, match=r"of format 7, this nextclick reads format 1"):
        GoldenFile(golden)


def test_making_overwrites_nothing_and_leaves_nothing_half_done(
    tiny_artifact: Artifact, recording: Path, golden: Path, tmp_path: Path
) -> None:
    code, said = invoke("make", tiny_artifact.folder, recording, golden)
    assert code == 1
    assert "is there already" in said
    code, said = invoke("make", tiny_artifact.folder, recording, tmp_path / "lists.parquet")
    assert code == 1
    assert "*.golden.parquet" in said
    recording.write_bytes(recording.read_bytes()[:-200])
    before = set(tmp_path.iterdir())
    with pytest.raises(RecordingError, match="cut short"):
        make_golden(tiny_artifact.folder, recording, tmp_path / "new.golden.parquet")
    assert set(tmp_path.iterdir()) == before


def run_pytest(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a team's own pytest, with the plugin as its environment has it."""
    installed = entry_points(group="pytest11", name="nextclick-golden")
    plugin = () if installed else ("-p", "nextclick.golden.pytest_plugin")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugin, *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


def write_test(folder: Path, artifact: Artifact, options: Sequence[str] = ()) -> None:
    """Write what the documentation says is enough."""
    arguments = ", ".join([repr(str(artifact.folder)), "'clicks.parquet'", "'clicks.golden.parquet'", *options])
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    (folder / "test_lists.py").write_text(
        f"def test_lists(nextclick_golden):\n    nextclick_golden({arguments})\n", encoding="utf-8"
    )


@pytest.mark.slow
def test_a_team_puts_it_into_its_own_tests(tiny_artifact: Artifact, other_artifact: Artifact, tmp_path: Path) -> None:
    """First made with the option, then checked; another model fails with the readable difference, or is let through."""
    write_recording(tmp_path / "clicks.parquet", recorded_clicks(200), RECORDED_LATE)
    write_test(tmp_path, tiny_artifact)
    made = run_pytest(tmp_path, "--nextclick-golden-update")
    assert made.returncode == 0, made.stdout + made.stderr
    assert run_pytest(tmp_path).returncode == 0
    write_test(tmp_path, other_artifact)
    failed = run_pytest(tmp_path)
    assert failed.returncode == 1
    for part in ("lists changed (", "overlap@K", "rank  golden", "--nextclick-golden-update` makes these"):
        assert part in failed.stdout
    write_test(tmp_path, other_artifact, ["allow_changed=1.0"])
    assert run_pytest(tmp_path).returncode == 0


def test_the_plugin_loads_nothing_heavy() -> None:
    """Every pytest run in an environment with nextclick pays for it."""
    script = "import sys, nextclick.golden.pytest_plugin\nprint(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.split()
    assert not {"numpy", "polars", "onnxruntime", "kafka", "rich", "msgspec"} & set(loaded)


def test_the_report_is_a_machines_too(tiny_artifact: Artifact, recording: Path, golden: Path) -> None:
    code, said = invoke("check", tiny_artifact.folder, recording, golden, "--json")
    assert code == 0
    found = msgspec.json.decode(next(line for line in said.splitlines() if line.startswith("{")))
    assert (found["passed"], found["changed"], found["overlap"], found["settings"]) == (True, 0, 1.0, {})
