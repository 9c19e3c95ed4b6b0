"""A minute of chaos with a fixed seed: the verb at work, short enough for every change."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.harness import wait_until
from tests.processes import alive, descendants

pytestmark = [pytest.mark.kafka, pytest.mark.chaos]

# Three brokers of 512 MiB heap each, four workers, torch for the artifact.
NEEDED_GIB = 4.0
SECONDS = 60
# Two kills and a hang of workers, and a broker that is shut down.
SEED = 3
TIMEOUT_S = 500.0
WORKERS, BROKERS = 3, 3
STOPS_WITHIN_S = 60.0


def available_gib() -> float | None:
    """Return how much memory is free for new processes; None where the system does not tell."""
    path = Path("/proc/meminfo")
    if not path.exists():
        return None
    lines = dict(line.split(":", 1) for line in path.read_text(encoding="utf-8").splitlines())
    return int(lines["MemAvailable"].split()[0]) / (1 << 20)


@pytest.fixture
def cluster_script() -> str:
    script = os.environ.get("NEXTCLICK_TEST_KAFKA_CLUSTER")
    if not script:
        pytest.skip("no brokers that may be broken: NEXTCLICK_TEST_KAFKA_CLUSTER names the script that starts them")
    available = available_gib()
    if available is not None and available < NEEDED_GIB:
        pytest.skip(f"{available:.1f} GiB of memory are free, three brokers and four workers need {NEEDED_GIB:.0f}")
    return script


def environment(folder: Path) -> dict[str, str]:
    """Return ours with a folder for whatever the run writes."""
    return {**os.environ, "TMPDIR": str(folder)}


@pytest.mark.usefixtures("cluster_script")
def test_a_minute_of_chaos_loses_nothing_and_applies_nothing_twice(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    arguments = ["--duration", str(SECONDS), "--seed", str(SEED), "--rate", "40", "--report", str(report)]
    command = [sys.executable, "-m", "tests.chaos", *arguments]
    finished = subprocess.run(
        command, check=False, stdout=subprocess.PIPE, text=True, env=environment(tmp_path), timeout=TIMEOUT_S
    )
    assert finished.returncode == 0, finished.stdout
    found = json.loads(report.read_text(encoding="utf-8"))
    assert found["violations"] == {}
    assert found["faults"]["kill -9 worker"] >= 2
    assert found["faults"]["SIGTERM broker"] >= 1
    assert found["counts"]["lists"] == found["counts"]["clicks"] > 1_000


@pytest.mark.usefixtures("cluster_script")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_leaves_no_process_behind(tmp_path: Path, number: signal.Signals) -> None:
    """Brokers and workers go with it, whether it can still do something about that or not."""
    command = [sys.executable, "-m", "tests.chaos", "--duration", "300", "--seed", str(SEED)]
    chaos = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(tmp_path))
    try:
        assert chaos.stdout is not None
        # The first fault: everything is up.
        assert any("worker-" in line for line in chaos.stdout)
        started = descendants(chaos.pid) | broker_pids(tmp_path)
        assert len(started) > WORKERS + BROKERS
        chaos.send_signal(number)
        chaos.wait(STOPS_WITHIN_S)
        wait_until(lambda: not alive(started), STOPS_WITHIN_S)
    finally:
        chaos.kill()
        chaos.communicate()


def broker_pids(folder: Path) -> set[int]:
    """Return the processes that the cluster script has noted; they are nobody's children."""
    (noted,) = folder.glob("*/kafka/cluster.json")
    return set(json.loads(noted.read_text(encoding="utf-8"))["pids"].values())
