"""`nextclick demo --open` as a user starts it: a process of its own, ended by Ctrl-C."""

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

START_TIMEOUT_S = 240


@dataclass
class Demo:
    """A running `nextclick demo --open`."""

    process: subprocess.Popen[str]
    url: str
    broker: str
    lines: list[str]

    def stop(self) -> int:
        """Ctrl-C; return the exit code. What does not end is killed, with everything that it has started."""
        self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise


def start_demo(folder: Path, *arguments: str, data_folder: str | None = None) -> Demo:
    """Start it in a folder, and wait until it says where the page is."""
    command = [sys.executable, "-m", "nextclick", "demo", "--open", *arguments]
    environment = dict(os.environ)
    if data_folder is not None:
        environment["NEXTCLICK_DATA"] = data_folder
    for name in ("NEXTCLICK_BOOTSTRAP_SERVERS", "DISPLAY", "WAYLAND_DISPLAY"):
        environment.pop(name, None)
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    lines: list[str] = []
    Thread(target=_collect, args=(process, lines), daemon=True).start()
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(r"The page is at (http://\S+)", said := "".join(lines))
        if found:
            broker = re.search(r"broker at (\S+),", said)
            assert broker is not None, said
            return Demo(process, found[1], broker[1], lines)
        time.sleep(0.1)
    process.kill()
    raise AssertionError("the demo did not serve a page:\n" + "".join(lines))


def _collect(process: subprocess.Popen[str], lines: list[str]) -> None:
    assert process.stdout is not None
    lines.extend(iter(process.stdout.readline, ""))
    process.stdout.close()
