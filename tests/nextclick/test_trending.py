"""What everyone clicks: read from a recording or a topic, as workers had it at a moment."""

import json
import uuid
from pathlib import Path

import pytest
from typer.testing import CliRunner

from export.artifact import Artifact
from models.counts.recipe import CountsRecipe
from models.errors import ArtifactError, CountsRecordError
from nextclick.cli import app
from tests.click_tables import MAY_2024_MS
from tests.factories import make_tiny_artifact
from tests.nextclick.counts_topics import COUNTS_HEAD, counts_records
from tests.nextclick.recording.made import make_recorded, write_recording
from tests.nextclick.recording.topics import create_topic, send_records

RECIPE = CountsRecipe(bucket_ms=10_000, popularity_half_life=1, boost_length=16, strength=1.0)
BUCKET = MAY_2024_MS // 10_000
# Four users click item-03 in the first ten seconds, one item-07 in the next, and item-05 in those after.
CLICKS = [(f"u{number}", "item-03", 1_000) for number in range(4)] + [
    ("ann", "item-07", 12_000),
    ("bob", "item-05", 21_000),
]


@pytest.fixture(scope="module")
def counted_artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return make_tiny_artifact(tmp_path_factory.mktemp("counted"), counts=RECIPE)


@pytest.fixture
def counts(tmp_path: Path) -> Path:
    path = tmp_path / "counts.parquet"
    write_recording(path, counts_records(RECIPE, CLICKS), COUNTS_HEAD)
    return path


def run(artifact: Artifact, *arguments: object) -> str:
    """Run `nextclick trending`; errors of ours come through."""
    command = ["trending", "--artifact", str(artifact.folder), *map(str, arguments)]
    return CliRunner().invoke(app, command, catch_exceptions=False, env={"COLUMNS": "120"}).stdout


def found(artifact: Artifact, *arguments: object) -> dict[str, float]:
    """Return the decayed clicks of what trends."""
    said = json.loads(run(artifact, *arguments, "--json"))
    return {one["item_id"]: one["clicks"] for one in said["items"]}


def test_now_is_the_newest_whole_bucket(counted_artifact: Artifact, counts: Path) -> None:
    """Four clicks of a bucket ago count two, one of the newest whole bucket one; what is still counted, nothing."""
    said = json.loads(run(counted_artifact, "--recording", counts, "--json"))
    assert said["counts"] == {"bucket": BUCKET + 1, "offset": 5}
    assert said["ended_ms"] == MAY_2024_MS + 20_000
    assert said["lifted"] == 2
    first, second = said["items"]
    assert (first["item_id"], first["title"]) == ("item-03", "Title of item-03")
    assert (first["clicks"], first["users"], first["share"]) == (2.0, 2.0, pytest.approx(2 / 3))
    assert (second["item_id"], second["clicks"], second["users"]) == ("item-07", 1.0, 1.0)
    assert first["bias"] == pytest.approx(6.504, abs=1e-3)  # ln(1 + .1 / 1e-4 * 2 / 3)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2024-05-01T00:00:09", None),
        ("2024-05-01T00:00:10", {"item-03": 4.0}),
        ("2024-05-01T00:00:29", {"item-03": 2.0, "item-07": 1.0}),
        ("2024-05-01T00:00:30", {"item-05": 1.0, "item-03": 1.0, "item-07": 0.5}),
        ("2024-05-02", {"item-05": 1.0, "item-03": 1.0, "item-07": 0.5}),
    ],
)
def test_at_a_time_it_is_what_workers_had_then(
    counted_artifact: Artifact, counts: Path, at: str, expected: dict[str, float] | None
) -> None:
    """Buckets that had ended, read at the end of the last one that anything was clicked in."""
    if expected is None:
        assert "Nothing trends" in run(counted_artifact, "--recording", counts, "--at", at)
        return
    assert found(counted_artifact, "--recording", counts, "--at", at) == expected


def test_a_person_gets_a_table_and_the_time(counted_artifact: Artifact, counts: Path) -> None:
    said = run(counted_artifact, "--recording", counts, "--top", 1)
    assert f"Clicks up to 2024-05-01 00:00:20 UTC: bucket {BUCKET + 1}, counts topic below offset 5." in said
    assert "Title of item-03" in said
    assert "66.67%" in said
    assert "item-07" not in said
    assert "2 items are lifted" in said


def test_what_is_no_counts_topic_is_refused(
    counted_artifact: Artifact, tiny_artifact: Artifact, tmp_path: Path
) -> None:
    """Also a model that nothing is counted for."""
    clicks = tmp_path / "clicks.parquet"
    write_recording(clicks, [make_recorded()])
    with pytest.raises(CountsRecordError, match="another program"):
        run(counted_artifact, "--recording", clicks)
    with pytest.raises(ArtifactError, match="ranks without live counts"):
        run(tiny_artifact, "--recording", clicks)


@pytest.mark.broker
@pytest.mark.slow
def test_the_topic_says_what_its_recording_says(counted_artifact: Artifact, counts: Path, broker: str) -> None:
    """Read from the broker, of whichever application."""
    app_id = f"trending-{uuid.uuid4().hex[:8]}"
    topic = create_topic(broker, f"{app_id}.counts", partitions=1)
    send_records(broker, topic, counts_records(RECIPE, CLICKS))
    command = ["trending", "--artifact", str(counted_artifact.folder), "--bootstrap-servers", broker, "--json"]
    ended = CliRunner().invoke(app, command, catch_exceptions=False, env={"NEXTCLICK_APP_ID": app_id})
    assert json.loads(ended.stdout) == json.loads(run(counted_artifact, "--recording", counts, "--json"))
