"""Golden lists of a model that ranks with everyone's clicks."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from export.artifact import Artifact
from models.counts.recipe import CountsRecipe
from nextclick.cli import app
from nextclick.golden.golden_file import GoldenFile
from tests.factories import make_tiny_artifact
from tests.nextclick.recording.made import write_recording
from tests.nextclick.simulation.clicks import recorded_clicks
from tests.nextclick.simulation.counting_workers import bodies_by_click, serve, write_topics
from tests.nextclick.simulation.test_simulator import RECORDED_LATE
from workers.settings import load_settings

RECIPE = CountsRecipe(bucket_ms=30_000, session_reach=3, boost_length=16)


@pytest.fixture(scope="module")
def counted_artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return make_tiny_artifact(tmp_path_factory.mktemp("counted"), counts=RECIPE)


def invoke(*arguments: object) -> tuple[int, str]:
    """Run `nextclick golden`."""
    result = CliRunner().invoke(app, ["golden", *map(str, arguments)], env={"COLUMNS": "120", "TERM": "dumb"})
    return result.exit_code, result.output + (str(result.exception) if result.exception else "")


def test_the_same_delay_gives_the_same_lists(counted_artifact: Artifact, tmp_path: Path) -> None:
    """Another one is named beside what it changes; so is none."""
    recording, golden = tmp_path / "clicks.parquet", tmp_path / "clicks.golden.parquet"
    write_recording(recording, recorded_clicks(300), RECORDED_LATE)
    assert invoke("make", counted_artifact.folder, recording, golden, "--counts-delay", "60s")[0] == 0
    check = "check", counted_artifact.folder, recording, golden
    assert invoke(*check, "--counts-delay", "1m")[0] == 0
    code, said = invoke(*check, "--counts-delay", "10m")
    assert code == 1
    assert "60000 ms late -> 600000 ms late" in said
    assert "60000 ms late -> none" in invoke(*check)[1]


def test_golden_lists_can_be_those_that_were_published(counted_artifact: Artifact, tmp_path: Path) -> None:
    """Made and checked with the recorded counts, in whatever order workers were."""
    settings, records = load_settings(artifact=counted_artifact.folder), recorded_clicks(300)
    recording, golden = tmp_path / "clicks.parquet", tmp_path / "clicks.golden.parquet"
    write_recording(recording, records, RECORDED_LATE)
    broker = serve(counted_artifact, settings, records, workers=2)
    lists, counts = write_topics(broker, settings, tmp_path)
    pins = "--counts", counts, "--lists", lists
    assert invoke("make", counted_artifact.folder, recording, golden, *pins)[0] == 0
    kept = {(one.partition, one.offset): one.items for one in GoldenFile(golden).lists()}
    published = [json.loads(body) for body in bodies_by_click(broker, settings)]
    assert kept == {(one["source"]["partition"], one["source"]["offset"]): tuple(one["items"]) for one in published}
    code, said = invoke("check", counted_artifact.folder, recording, golden, *pins)
    assert code == 0, said
