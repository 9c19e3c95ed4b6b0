"""A child behind its guard: signals reach the child alone."""

import signal
import sys
import time
from pathlib import Path

import pytest

from nextclick.child_process import ChildProcess
from tests.processes import alive, descendants

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def the_child(process: ChildProcess) -> int:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for pid in descendants(process.process_group):
            return pid
        time.sleep(0.02)
    raise AssertionError("the guard has started nothing")


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]


def test_a_killed_child_ends_by_signal_9() -> None:
    """SIGKILL through the guard: the guard lives on long enough to say how the child ended."""
    process = ChildProcess(SLEEP)
    child = the_child(process)
    process.send_signal(signal.SIGKILL)
    assert process.wait(10) == -signal.SIGKILL
    assert alive({child}) == set()
    # To whom nobody listens any more nothing is sent, and nothing is raised.
    process.send_signal(signal.SIGTERM)
    assert process.stop() == -signal.SIGKILL


@pytest.mark.skipif(sys.platform != "linux", reason="a process' state is read from /proc")
def test_a_paused_child_is_stopped_and_ends_all_the_same() -> None:
    """SIGSTOP stops the child and not its guard, which still ends it: after the grace period by signal 9."""
    process = ChildProcess(SLEEP, grace_s=0.2)
    child = the_child(process)
    process.send_signal(signal.SIGSTOP)
    deadline = time.monotonic() + 10
    while state_of(child) != "T" and time.monotonic() < deadline:
        time.sleep(0.02)
    assert state_of(child) == "T"
    assert process.stop() == -signal.SIGKILL
    assert alive({child}) == set()
