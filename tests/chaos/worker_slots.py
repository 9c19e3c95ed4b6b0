"""A place for a worker: it is started there, broken there, and started again where it ended by itself."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import RLock

from nextclick.child_process import ChildProcess
from nextclick.free_ports import free_port
from tests.processes import descendants
from workers.settings import ENVIRONMENT_PREFIX

NEXTCLICK_WORKER = (sys.executable, "-m", "nextclick", "worker")
# Time for the guard to have started the worker; Python takes a tenth of a second.
APPEAR_TIMEOUT_S = 10.0
RESTART_PAUSE_S = 1.0
# A worker promises to be gone sooner; one that is not is killed, and its code says so.
STOP_TIMEOUT_S = 40.0


class WorkerSlot:
    """One worker at a time, its log kept over restarts.

    Args:
        name: For a person.
        environment: The worker's settings.
        folder: Where its log and its state folder go.
        command: What starts it.

    Attributes:
        exit_codes: How each worker ended that ended by itself: nobody asked it to.
        stop_codes: How each ended that was asked to by SIGTERM.
    """

    def __init__(
        self, name: str, environment: Mapping[str, str], folder: Path, command: Sequence[str] = NEXTCLICK_WORKER
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.exit_codes: list[int] = []
        self.stop_codes: list[int] = []
        self._command = command
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(ENVIRONMENT_PREFIX)}
        state_folder = {"NEXTCLICK_STATE_FOLDER": str(folder / f"{name}-state")}
        self._environment = {**inherited, **environment, **state_folder}
        self._port = 0
        self._process: ChildProcess | None = None
        self._ended_s = 0.0
        # A fault and the main loop's `tend` come from different threads.
        self._lock = RLock()

    def start(self) -> None:
        """Start a worker.

        Raises:
            RuntimeError: If one runs here: it would be forgotten and never end.
        """
        with self._lock, self.log.open("ab") as output:
            if self.pid is not None:
                raise RuntimeError(f"{self.name} runs already.")
            self._ended_s = 0.0
            self._port = free_port()
            environment = {**self._environment, "NEXTCLICK_WEB_PORT": str(self._port)}
            self._process = ChildProcess(list(self._command), output=output, environment=environment)

    @property
    def pid(self) -> int | None:
        """The worker's process id; None while there is none."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                return None
            return min(descendants(self._process.process_group), default=None)

    @property
    def exit_code(self) -> int | None:
        """How the worker ended that was started last; None while it runs."""
        with self._lock:
            return None if self._process is None else self._process.poll()

    def kill(self) -> None:
        """Signal 9, and wait until it is gone."""
        with self._lock:
            self._signal(signal.SIGKILL)
            self._collect()

    def term(self) -> None:
        """SIGTERM, and wait until it is gone; its exit code is kept."""
        with self._lock:
            self._signal(signal.SIGTERM)
            code = self._collect()
            if code is not None:
                self.stop_codes.append(code)

    def pause(self) -> None:
        """SIGSTOP."""
        with self._lock:
            self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        with self._lock:
            self._signal(signal.SIGCONT)

    def tend(self) -> int | None:
        """Start a worker again that ended by itself; return its exit code when that is seen first."""
        with self._lock:
            code = None if self._process is None else self._process.poll()
            if code is None:
                return None
            if not self._ended_s:
                self._ended_s = time.monotonic()
                self.exit_codes.append(code)
                return code
            if time.monotonic() - self._ended_s > RESTART_PAUSE_S:
                self.start()
            return None

    def close(self) -> None:
        """End whatever runs here, however."""
        with self._lock:
            if self._process is not None:
                self._signal(signal.SIGCONT)
                self._process.stop()
                self._process = None

    def page(self, path: str) -> tuple[int, str]:
        """Return status and text of one of the worker's pages; status 0 where nothing answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=5) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def metrics(self) -> dict[str, float]:
        """Return the worker's metrics by series; nothing where it does not answer."""
        lines = (line for line in self.page("/metrics")[1].splitlines() if not line.startswith("#"))
        return {series: float(value) for series, _, value in (line.rpartition(" ") for line in lines)}

    def wait_until_ready(self, timeout_s: float = 60.0) -> None:
        """Wait for /readyz.

        Raises:
            TimeoutError: If it is not ready in time.
        """
        deadline = time.monotonic() + timeout_s
        while self.page("/readyz")[0] != 200:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name} was not ready within {timeout_s} s: see {self.log}")
            time.sleep(0.05)

    def _signal(self, number: signal.Signals) -> None:
        pid = self._wait_for_pid()
        if pid is not None:
            os.kill(pid, number)

    def _wait_for_pid(self) -> int | None:
        deadline = time.monotonic() + APPEAR_TIMEOUT_S
        while self._process is not None and self._process.poll() is None and time.monotonic() < deadline:
            pid = self.pid
            if pid is not None:
                return pid
            time.sleep(0.02)
        return None

    def _collect(self) -> int | None:
        """Wait for the end of what was just signalled; from here on the place is empty."""
        process, self._process = self._process, None
        if process is None:
            return None
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_TIMEOUT_S)
        return process.stop()
