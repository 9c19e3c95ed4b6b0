"""Starts nodes by a cluster script, which looks for free ports and may find them taken a moment later."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

TRIES = 3
START_TIMEOUT_S = 150.0
# Tests write records whose times are years ago: a broker that looks after its retention would delete them at any time.
KEEPS_RECORDS = ("--set", "log.retention.ms=-1")
STOP_TIMEOUT_S = 60.0


def start_nodes(script: str, folder: Path, *arguments: str) -> Mapping[str, str]:
    """Start nodes, anew where they did not come up; return the variables that the script prints.

    Raises:
        RuntimeError: If they never came up; the message ends with what the script said.
    """
    said = ""
    for _ in range(TRIES):
        try:
            started = subprocess.run(
                [sys.executable, script, "start", "--dir", str(folder), *KEEPS_RECORDS, *arguments],
                check=False,
                capture_output=True,
                text=True,
                timeout=START_TIMEOUT_S,
            )
        except BaseException:
            purge_nodes(script, folder)
            raise
        if started.returncode == 0:
            return dict(line.split("=", 1) for line in started.stdout.splitlines() if "=" in line)
        said = started.stderr.strip()
        purge_nodes(script, folder)
    raise RuntimeError(f"{script} did not start the nodes in {TRIES} tries; it said last: {said}")


def purge_nodes(script: str, folder: Path) -> None:
    """End the nodes and remove what they wrote; unchecked, there may be none."""
    stop = [sys.executable, script, "stop", "--purge", "--dir", str(folder)]
    subprocess.run(stop, check=False, stderr=subprocess.DEVNULL, timeout=STOP_TIMEOUT_S)
