"""The README's promises: its table of settings is the settings, and its commands work as they stand there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nextclick.free_ports import free_port
from nextclick.settings_table import with_settings_table
from tests.integration.harness import READY_TIMEOUT_S

README = Path(__file__).parent.parent / "README.md"
BACKGROUND = " &"
SHELL = ("/bin/bash", "-c")


def commands() -> list[str]:
    """The block that says it is run by this test."""
    (block,) = re.findall(
        r"<!-- run by tests/test_readme.py -->\n```sh\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL
    )
    return str(block).strip().splitlines()


def test_table_of_settings() -> None:
    """It is what `python -m nextclick.settings_table` writes."""
    readme = README.read_text(encoding="utf-8")
    assert readme == with_settings_table(readme)


@pytest.mark.slow
@pytest.mark.broker
def test_commands_by_hand(tmp_path: Path) -> None:
    """Each command of the README, in its order, in an empty folder; training is cut to one epoch."""
    port = free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("NEXTCLICK_")},
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "NEXTCLICK_BOOTSTRAP_SERVERS": f"127.0.0.1:{port}",
        "NEXTCLICK_WEB_PORT": str(free_port()),
        "NEXTCLICK_SESSION_TIMEOUT_S": "6",
    }
    background: list[subprocess.Popen[bytes]] = []
    try:
        for line in commands():
            command = line.removesuffix(BACKGROUND)
            command += {"nextclick train": " --epochs 1", "nextclick broker": f" --port {port}"}.get(
                " ".join(command.split()[:2]), ""
            )
            # A click waits for the worker, which takes a while to join its group.
            command = command.replace("nextclick click", f"nextclick click --timeout-s {READY_TIMEOUT_S}")
            if line.endswith(BACKGROUND):
                background.append(subprocess.Popen([*SHELL, f"exec {command}"], cwd=tmp_path, env=environment))
                continue
            done = subprocess.run(
                [*SHELL, command],
                check=False,
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                timeout=120,
            )
            if "data fetch" in command and done.returncode and "package index" in done.stderr:
                pytest.skip(f"no package index to fetch the data from: {done.stderr}")
            assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    finally:
        for process in reversed(background):
            process.terminate()
            process.wait(30)
