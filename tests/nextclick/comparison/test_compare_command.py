"""`nextclick compare`, from artifacts and a recording to table, JSON, report and exit code."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from export.artifact import Artifact
from nextclick.cli import app
from nextclick.comparison.scoring import names_of, part_text
from nextclick.recording.records import RecordedRecord
from nextclick.recording.selection import OffsetRange, Selection
from tests.click_records import click_value
from tests.click_tables import MAY_2024_MS
from tests.nextclick.recording.made import links, make_head, make_recorded, write_recording
from tests.shared_artifacts import made_once

ITEMS = [f"item-{number:02}" for number in range(30)]


@pytest.fixture(scope="module")
def other_artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """The tiny artifact's network with other weights, and lists of 6 where the other's are of 10."""

    def make(folder: Path) -> Artifact:
        from tests.factories import make_tiny_artifact  # noqa: PLC0415 - torch

        return make_tiny_artifact(folder, seed=1, list_length=6)

    return made_once(tmp_path_factory, "tiny-shorter-lists", make)


def clicks(users: int = 40, each: int = 8) -> list[RecordedRecord]:
    """Make clicks of users who walk through the catalogue, each from his own item on."""
    records = [
        make_recorded(
            user % 4,
            2 * (turn * users + user),
            timestamp_ms=MAY_2024_MS + 60_000 * (turn * users + user),
            key=f"user-{user}".encode(),
            value=click_value(
                f"user-{user}", ITEMS[(user + 7 * turn) % 30], MAY_2024_MS + 60_000 * (turn * users + user)
            ),
        )
        for turn in range(each)
        for user in range(users)
    ]
    return links(records)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recording") / "clicks.parquet"
    write_recording(path, clicks(), make_head(recorded_at_ms=MAY_2024_MS + 400 * 86_400_000))
    return path


def invoke(*arguments: object) -> tuple[int, str]:
    """Run `nextclick compare`."""
    ended = CliRunner().invoke(
        app, ["compare", *map(str, arguments), "--resamples", "300"], env={"COLUMNS": "120", "TERM": "dumb"}
    )
    return ended.exit_code, ended.output + (str(ended.exception) if ended.exception else "")


def test_from_artifacts_to_a_report(
    tiny_artifact: Artifact, other_artifact: Artifact, recording: Path, tmp_path: Path
) -> None:
    """Every click but a user's first is compared; the same bytes in another process, which needs no torch for it."""
    files = [tmp_path / "deep" / "report.html", tmp_path / "report.json"]
    folders = [tiny_artifact.folder, other_artifact.folder]
    code, said = invoke(*folders, recording, "--report", files[0], "--json", files[1])
    assert code == 0, said
    assert "on 280 clicks of 40 users." in said
    for part in ("HitRate@6 %", "popular list", "History length", "listed by both", "The lists of tiny were cut to 6"):
        assert part in said
    found = json.loads(files[1].read_text(encoding="utf-8"))
    assert [model["model_id"] for model in found["models"]] == [
        artifact.manifest.model_id for artifact in (tiny_artifact, other_artifact)
    ]
    assert found["whole"]["clicks"] == sum(one["clicks"] for one in found["slices"]["history_length"]) == 280
    assert found["recording"]["records"] == 320
    text = files[0].read_text(encoding="utf-8")
    assert tiny_artifact.manifest.model_id in text
    assert found["recording"]["digest"] in text

    again = [tmp_path / "again.html", tmp_path / "again.json"]
    arguments = ["compare", *map(str, folders), str(recording), "--resamples", "300"]
    arguments += ["--report", str(again[0]), "--json", str(again[1])]
    script = "import sys\nfrom nextclick.cli import app\napp(sys.argv[1:], standalone_mode=False)\n"
    script += "assert 'torch' not in sys.modules"
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, "-c", script, *arguments], check=True, capture_output=True, env=environment)
    assert [one.read_bytes() for one in again] == [one.read_bytes() for one in files]


def test_the_same_artifact_twice_is_no_difference(tiny_artifact: Artifact, recording: Path) -> None:
    code, said = invoke(tiny_artifact.folder, tiny_artifact.folder, recording, "--fail-if-worse", "--measure", "mrr")
    assert code == 0, said
    assert "tiny (2) and tiny put every clicked item on the same rank, on 280 clicks of 40 users." in said


def test_json_lines_tell_what_they_are_at_their_end(
    tiny_artifact: Artifact, other_artifact: Artifact, tmp_path: Path
) -> None:
    """Read to it, they have an identity; before it nobody knows."""
    lines, found = tmp_path / "clicks.jsonl.zst", tmp_path / "found.json"
    totals = write_recording(lines, clicks(each=4), make_head(recorded_at_ms=MAY_2024_MS + 400 * 86_400_000))
    arguments = (tiny_artifact.folder, other_artifact.folder, lines, "--json", found, "--force")
    digests = []
    for options in ((), ("--limit", "100")):
        code, said = invoke(*arguments, *options)
        assert code == 0, said
        digests.append(json.loads(found.read_text(encoding="utf-8"))["recording"]["digest"])
    assert digests == [totals.digest, None]


def test_a_worse_challenger_fails_where_that_is_asked_for(
    tiny_artifact: Artifact, other_artifact: Artifact, recording: Path
) -> None:
    """Untrained models differ by chance, this much on these clicks; whichever is worse fails as the challenger."""
    codes = {}
    for folders in ((tiny_artifact, other_artifact), (other_artifact, tiny_artifact)):
        code, said = invoke(*(one.folder for one in folders), recording, "--fail-if-worse")
        codes[code] = said
    assert set(codes) == {0, 1}
    assert " less often than " in codes[1]
    assert " more often than " in codes[0]


def test_a_part_of_the_recording(
    tiny_artifact: Artifact, other_artifact: Artifact, recording: Path, tmp_path: Path
) -> None:
    found = tmp_path / "found.json"
    folders = (tiny_artifact.folder, other_artifact.folder)
    code, said = invoke(*folders, recording, "--partition", "2", "--limit", "60", "--json", found)
    assert code == 0, said
    assert "50 clicks of 10 users" in said
    assert json.loads(found.read_text(encoding="utf-8"))["recording"]["part"] == "partitions 2, the first 60"


def test_nothing_is_overwritten_unasked(
    tiny_artifact: Artifact, other_artifact: Artifact, recording: Path, tmp_path: Path
) -> None:
    """And that is said before anything is simulated."""
    report = tmp_path / "report.html"
    report.write_text("mine", encoding="utf-8")
    arguments = (tiny_artifact.folder, other_artifact.folder, recording, "--report", report)
    code, said = invoke(*arguments)
    assert code == 1
    assert "is there already: name another file, or overwrite it with --force." in said
    assert "Simulating" not in said
    assert report.read_text(encoding="utf-8") == "mine"
    assert invoke(*arguments, "--force")[0] == 0
    assert report.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert [one.name for one in tmp_path.iterdir()] == ["report.html"]


def test_what_cannot_be_done_is_one_sentence(tiny_artifact: Artifact, recording: Path, tmp_path: Path) -> None:
    folder = tiny_artifact.folder
    assert "name two artifacts or more" in invoke(folder, recording)[1]
    assert "name the file *.html" in invoke(folder, folder, recording, "--report", tmp_path / "report.htm")[1]
    assert "name the file *.json" in invoke(folder, folder, recording, "--json", tmp_path / "report")[1]
    single = tmp_path / "single.jsonl"
    write_recording(single, clicks(users=5, each=1), make_head(recorded_at_ms=MAY_2024_MS + 400 * 86_400_000))
    code, said = invoke(folder, folder, single)
    assert code == 1
    assert "no user comes back" in said


def test_a_part_is_told_in_words() -> None:
    """Open ends stay open."""
    parts = Selection(frozenset({3, 1}), {3: OffsetRange(100, None), 1: OffsetRange(None, 7)}, MAY_2024_MS, None, None)
    assert part_text(parts) == "partitions 1, 3, offsets 1:-7, offsets 3:100-, since 2024-05-01 00:00:00 UTC"
    assert part_text(Selection()) == "all of it"


def test_models_are_called_by_their_folders() -> None:
    """With as much of the path as tells them apart."""
    assert names_of([Path("/a/new"), Path("/a/old")]) == ("new", "old")
    assert names_of([Path("/a/model"), Path("/b/model"), Path("/b/model")]) == ("a/model", "b/model", "b/model (2)")
    assert names_of([Path("/a/x\x1b[2J"), Path("/a/y")]) == ("x\\x1b[2J", "y")
