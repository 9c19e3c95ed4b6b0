"""`click`, `watch`, `state` and `replay` through the real command line, with a real worker behind them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from export.artifact import Artifact
from models.errors import BrokerError, StateRecordError
from nextclick.cli import app
from tests.integration.harness import Stream, make_stream, running_worker

pytestmark = pytest.mark.broker


def run(stream: Stream, *arguments: str) -> Result:
    """Run `nextclick` with the stream's settings; errors of ours come through."""
    return CliRunner().invoke(app, arguments, env=stream.environment, catch_exceptions=False)


def test_a_click_its_list_and_its_state(
    broker: str, tiny_artifact: Artifact, unique_name: Callable[[str], str], tmp_path: Path
) -> None:
    """Two clicks by id and by title come back as lists, are watched again, and are what the user's state tells."""
    stream = make_stream(broker, tiny_artifact.folder, unique_name("hand"), partitions=2)
    with running_worker(stream, tmp_path) as worker:
        worker.wait_until_ready()
        first = json.loads(run(stream, "click", "ada", "item-03", "--json").stdout)
        second = run(stream, "click", "ada", "title of item-05", "--top", "3")
        anonymous = json.loads(run(stream, "click", "bob", "item-04", "--no-consent", "--json").stdout)
        assert worker.stop() == 0

    assert first["list"]["event_id"] == first["click"]["event_id"]
    assert first["list"]["strategy"] == "personal"
    assert (first["list"]["source"]["partition"], first["list"]["source"]["offset"]) == (
        first["partition"],
        first["offset"],
    )
    assert 0 < first["latency_ms"] < 10_000
    assert second.stdout.startswith("ada clicked Title of item-05; personal list in ")
    assert second.stdout.count("Title of item-") == 4
    assert anonymous["list"]["strategy"] == "single_click"

    watched = run(stream, "watch", "--from-beginning", "--user", "ada", "--limit", "2", "--json").stdout.splitlines()
    assert json.loads(watched[0]) == first["list"]
    assert json.loads(watched[1])["source"]["offset"] == first["offset"] + 1
    assert run(stream, "watch", "--from-beginning", "--limit", "1", "--user", "bob").stdout.startswith(
        "bob single_click"
    )

    state = json.loads(run(stream, "state", "ada", "--json").stdout)
    assert (state["clicks"], state["last_offset"], state["partition"]) == (2, first["offset"] + 1, first["partition"])
    assert [item["item_id"] for item in state["ring"]] == ["item-03", "item-05"]
    assert state["ring"][0]["timestamp_ms"] == first["click"]["timestamp_ms"]
    (model,) = state["models"]
    assert model["model_id"] == tiny_artifact.manifest.model_id
    assert set(model["norms"]) == {"hidden", "cell"}
    assert all(norm > 0 for norm in model["norms"].values())
    assert "Title of item-05" in run(stream, "state", "ada").stdout

    with pytest.raises(StateRecordError, match="There is no state of user 'bob'"):
        run(stream, "state", "bob")


def test_a_click_that_nobody_answers_says_where_it_is(
    broker: str, tiny_artifact: Artifact, unique_name: Callable[[str], str]
) -> None:
    """Without a worker the click is in its topic, and the sentence names its offset and asks for the worker."""
    stream = make_stream(broker, tiny_artifact.folder, unique_name("silent"), partitions=1)
    with pytest.raises(BrokerError, match=r"/0 offset 0, but no list .*`nextclick worker`"):
        run(stream, "click", "ada", "item-03", "--timeout-s", "0.3")
    assert len(stream.read_all(stream.settings.clicks_topic)) == 1


def test_a_log_is_replayed_and_counted(
    broker: str, tiny_artifact: Artifact, unique_name: Callable[[str], str], tmp_path: Path
) -> None:
    """A CSV of the owner's own column names arrives in order of time; the limit takes the first clicks."""
    stream = make_stream(broker, tiny_artifact.folder, unique_name("log"), partitions=1)
    log = tmp_path / "shop.csv"
    log.write_text(
        "visitor,sku,at\nada,b,1700000002000\nada,a,1700000001000\nada,,1700000003000\nada,c,1700000004000\n",
        encoding="utf-8",
    )
    result = run(
        stream, "replay", str(log), "--columns", "user=visitor,item=sku,timestamp=at", "--limit", "2", "--json"
    )
    report = json.loads(result.stdout)
    assert (report["sent"], report["acknowledged"], report["failed"]) == (2, 2, 0)
    assert "1 records left out: has no item_id" in result.stderr
    clicks = [json.loads(record.value) for record in stream.read_all(stream.settings.clicks_topic)]
    assert [(click["item_id"], click["event_id"]) for click in clicks] == [("a", "shop-0"), ("b", "shop-1")]
