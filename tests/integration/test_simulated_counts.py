"""Two workers rank with everyone's clicks, one is killed; simulations give their lists, and those of a stated delay."""

import json
import time
import uuid
from pathlib import Path

import pytest
from typer.testing import CliRunner

from export.artifact import Artifact
from nextclick.cli import app
from tests.integration.counting_clicks import CLICKS, make_clicks
from tests.integration.harness import Stream, make_stream, running_worker, wait_until

pytestmark = [pytest.mark.broker, pytest.mark.slow]


def run(stream: Stream, *arguments: object) -> str:
    """Run a command with the workers' settings; errors of ours come through."""
    command = [str(argument) for argument in arguments]
    return CliRunner().invoke(app, command, catch_exceptions=False, env=dict(stream.environment)).stdout


def publish(stream: Stream, tmp_path: Path) -> None:
    """Have everything processed by two workers, one of which dies of signal 9 in the middle of it."""
    clicks, logs = make_clicks(3), [tmp_path / name for name in ("first", "second")]
    for log in logs:
        log.mkdir()
    with running_worker(stream, logs[0]) as first, running_worker(stream, logs[1]) as second:
        first.wait_until_ready()
        second.wait_until_ready()
        for start in range(0, 600, 60):
            stream.send(clicks[start : start + 60])
            time.sleep(0.1)
        wait_until(lambda: sum(first.clicks().values()) > 100 and sum(second.clicks().values()) > 100)
        first.kill()
        stream.send(clicks[600:])
        wait_until(lambda: sum(one.clicks for one in stream.decoded_states().values()) == CLICKS, 60)
        assert second.stop() == 0


def test_simulations_are_what_was_published(broker: str, counting_artifact: Artifact, tmp_path: Path) -> None:
    """With the recorded counts every first list, byte for byte; with a delay the same lists for any micro-batch."""
    stream = make_stream(broker, counting_artifact.folder, f"pinned-{uuid.uuid4().hex[:8]}", max_batch_records=20)
    publish(stream, tmp_path)
    clicks, lists, counts = (tmp_path / f"{name}.parquet" for name in ("clicks", "lists", "counts"))
    said = run(stream, "record", clicks, "--lists", lists, "--counts", counts, "--json")
    recorded = [json.loads(line) for line in said.splitlines()]
    assert [one["topic"] for one in recorded] == [
        stream.settings.recommendations_topic,
        stream.settings.clicks_topic,
        stream.settings.counts_topic,
    ]
    snapshots = {json.loads(one.value).get("counts", {}).get("offset") for one in stream.lists(CLICKS)}
    assert len(snapshots) > 5
    model = counting_artifact.folder
    for batch in (1_000, 7):
        said = run(stream, "simulate", model, clicks, "--counts", counts, "--lists", lists, "--batch", batch, "--json")
        published = json.loads(said)["published"]
        assert published["same"] == CLICKS
        assert published["other"] == published["unrecorded"] == published["missing_counts_records"] == 0
        assert published["again"] == recorded[0]["records"] - CLICKS
    delayed = [
        json.loads(run(stream, "simulate", model, clicks, "--counts-delay", "3s", "--batch", batch, "--json"))["digest"]
        for batch in (1_000, 7)
    ]
    assert delayed[0] == delayed[1] != json.loads(run(stream, "simulate", model, clicks, "--json"))["digest"]
    trending = json.loads(run(stream, "trending", "--json"))
    assert trending == json.loads(run(stream, "trending", "--recording", counts, "--json"))
    assert trending["counts"]["offset"] >= max(offset for offset in snapshots if offset is not None)
