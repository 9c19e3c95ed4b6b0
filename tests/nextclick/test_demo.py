"""The demo as a user starts it: a process of its own, from a data folder to the summary, and stopped in the middle."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from export.artifact import load_artifact
from export.artifact_evaluation import evaluate_artifact
from models.errors import BrokerError
from models.preparation.prepared_data import load_prepared_data
from nextclick.cli import app
from nextclick.embedded_broker import find_binary
from tests.made_films import write_films
from tests.processes import alive, descendants

pytestmark = pytest.mark.broker

CLICKS = 50


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to run in, with a small data set in the form of MovieLens 100K under `mine`."""
    try:
        find_binary()
    except BrokerError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("demo")
    write_films(folder / "mine")
    return folder


def start_demo(workplace: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start `nextclick demo` in a session of its own, as a terminal would."""
    command = [sys.executable, "-m", "nextclick", "demo", "--epochs", "1", "--limit", str(CLICKS), *arguments]
    # Settings for another worker: none of them may reach the demo's.
    environment = {**os.environ, "NEXTCLICK_DATA": "mine", "NEXTCLICK_PUBLISH": "per-batch"}
    environment.pop("NEXTCLICK_BOOTSTRAP_SERVERS", None)
    return subprocess.Popen(
        command,
        cwd=workplace,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for_line(demo: subprocess.Popen[str], beginning: str) -> None:
    assert demo.stderr is not None
    for line in demo.stderr:
        if line.startswith(beginning):
            return
    raise AssertionError(f"the demo ended before it said {beginning!r}")


@pytest.mark.slow
def test_the_demo_from_a_data_folder_to_the_summary(workplace: Path) -> None:
    """Every click has its list, the figures are those of the offline evaluation, and everything ends."""
    demo = start_demo(workplace, "--rate", "200", "--json")
    wait_for_line(demo, "ready  worker")
    started = descendants(demo.pid)
    out, err = demo.communicate(timeout=120)
    assert demo.returncode == 0, err
    # Broker and worker, each behind its guard.
    assert len(started) >= 4
    assert alive(started) == set()

    summary = json.loads(out)
    assert (summary["clicks"], summary["burst_clicks"], summary["published_again"]) == (CLICKS, CLICKS, 0)
    assert summary["reused"] == ["data"]
    assert 0 < summary["latency"]["p50_ms"] <= summary["latency"]["p99_ms"] < 10_000
    assert summary["lists_per_second"] > 1

    work = workplace / "build" / "demo"
    artifact = load_artifact(work / "artifact")
    offline = evaluate_artifact(artifact, load_prepared_data(work / "prepared").test.head(CLICKS))
    assert summary["predictions"] == offline.predictions > 0
    for name in ("Recall@20", "MRR@20"):
        assert summary["model"][name] == pytest.approx(offline.model[name])
        assert summary["popularity"][name] == pytest.approx(offline.popularity[name])
    assert (summary["model_id"], summary["artifact"]) == (artifact.manifest.model_id, "build/demo/artifact")


@pytest.mark.slow
def test_a_demo_stopped_in_the_middle_leaves_nothing_behind(workplace: Path) -> None:
    """Ctrl-C while the clicks flow, and again, as an impatient person does; what was built before was reused."""
    demo = start_demo(workplace, "--rate", "5", "--json")
    wait_for_line(demo, "ready  worker")
    started = descendants(demo.pid)
    time.sleep(1)
    demo.send_signal(signal.SIGINT)
    time.sleep(0.2)
    demo.send_signal(signal.SIGINT)
    out, err = demo.communicate(timeout=60)
    assert (demo.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "Stopped; everything that the demo started has ended."
    assert "Traceback" not in err
    assert len(started) >= 4
    assert alive(started) == set()


@pytest.mark.slow
def test_training_can_be_stopped(workplace: Path) -> None:
    """SIGTERM, in the middle of very many epochs."""
    demo = start_demo(workplace, "--json", "--epochs", "100000")
    wait_for_line(demo, "Epoch  2")
    demo.terminate()
    out, err = demo.communicate(timeout=60)
    assert (demo.returncode, out) == (143, "")
    assert err.splitlines()[-1] == "Stopped; everything that the demo started has ended."
    assert "Traceback" not in err


def test_a_broker_that_is_not_there_is_said_before_anything_is_built(tmp_path: Path) -> None:
    """One line, exit code 1, and nothing written."""
    demo = start_demo(tmp_path, "--json", "--bootstrap-servers", "127.0.0.1:1")
    _, err = demo.communicate(timeout=60)
    assert demo.returncode == 1
    assert err.splitlines()[-1].startswith("nextclick: No Kafka broker answers at 127.0.0.1:1")
    assert list(tmp_path.iterdir()) == []


def test_a_page_has_no_summary_to_print() -> None:
    """`--open --json` is refused before anything is built."""
    refused = CliRunner().invoke(app, ["demo", "--open", "--json"])
    assert refused.exit_code == 2
