"""A program under test as a process of its own: on its core, watched, measured, ended."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.folders import PROJECT
from benchmarks.machine import on_cores
from models.errors import NextclickError
from nextclick.child_process import ChildProcess
from nextclick.free_ports import free_port

READY_TIMEOUT_S = 300.0
POLL_S = 0.05
LOG_LINES_SHOWN = 12
WORKER = (sys.executable, "-m", "nextclick", "worker")


@dataclass
class Program:
    """A program that lives within its `with` block.

    Attributes:
        command: Program and arguments.
        environment: Variables beside ours, none of whose `NEXTCLICK_...` it gets.
        log: Where its output goes.
        cores: Where it may run; None: anywhere.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    cores: frozenset[int] | None
    _port: int = field(default_factory=free_port)
    _process: ChildProcess | None = None

    def __enter__(self) -> Self:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        ours = {name: value for name, value in os.environ.items() if not name.startswith("NEXTCLICK_")}
        environment = {**ours, **self.environment, "NEXTCLICK_WEB_PORT": str(self._port), "PYTHONPATH": str(PROJECT)}
        # One thread for whatever library would take as many as there are cores.
        environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        with self.log.open("wb") as output, on_cores(self.cores):
            self._process = ChildProcess(self.command, output=output, environment=environment)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.stop()

    def require_running(self) -> None:
        """Return if it runs.

        Raises:
            NextclickError: If it has ended; the end of its log says why.
        """
        if self._process is None or self._process.poll() is not None:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES_SHOWN:]
            raise NextclickError(f"{' '.join(self.command)} ended. Its last lines:\n" + "\n".join(lines))

    def wait_until_ready(self) -> None:
        """Return once its web port answers /readyz with 200.

        Raises:
            NextclickError: If it ends or takes too long.
        """
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not self._is_ready():
            self.require_running()
            if time.monotonic() > deadline:
                raise NextclickError(f"{' '.join(self.command)} is not ready after {READY_TIMEOUT_S:.0f} s: {self.log}")
            time.sleep(POLL_S)

    @property
    def pid(self) -> int:
        """The program's process id: the guard's only child."""
        if self._process is None:
            raise NextclickError(f"{' '.join(self.command)} is not started.")
        guard = self._process.process_group
        return next(int(pid) for pid, parent, _ in _processes() if int(parent) == guard)

    @property
    def resident_bytes(self) -> int:
        """Memory that it holds now."""
        pid = str(self.pid)
        return next(int(kib) * 1024 for one, _, kib in _processes() if one == pid)

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/readyz", timeout=5):
                return True
        except urllib.error.HTTPError as error:
            error.close()
            return False
        except OSError:
            return False


def _processes() -> list[list[str]]:
    """Return process id, parent and resident KiB of every process."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,rss="], capture_output=True, text=True, check=True)  # noqa: S607
    return [line.split() for line in listed.stdout.splitlines()]
