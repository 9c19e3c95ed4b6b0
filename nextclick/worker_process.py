"""A worker of our own, as a process of its own: started, watched until it is ready, stopped."""

import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import SecretStr

from models.errors import NextclickError
from nextclick.child_process import ChildProcess
from nextclick.free_ports import free_port
from workers.settings import ENVIRONMENT_PREFIX, Settings

READY_TIMEOUT_S = 60.0
POLL_S = 0.05
LOG_LINES_SHOWN = 5


class WorkerProcess:
    """`nextclick worker` with settings of ours, alive within its `with` block and never longer than this process.

    Args:
        settings: What the worker is told; the web port is chosen anew, so that several can run.
        log: Where its log goes.

    Raises:
        NextclickError: From `wait_until_ready`, if the worker ends or is not ready in time.
    """

    def __init__(self, settings: Settings, log: Path) -> None:
        self._settings = settings
        self._log = log
        self._port = free_port()
        self._process: ChildProcess | None = None

    def __enter__(self) -> Self:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("wb") as output:
            self._process = ChildProcess(
                [sys.executable, "-m", "nextclick", "worker"],
                output=output,
                environment={**_other_variables(), **_variables(self._settings), "NEXTCLICK_WEB_PORT": str(self._port)},
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.stop()

    @property
    def url(self) -> str:
        """Where its pages are."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def exit_code(self) -> int | None:
        """How it ended, -N by signal N; None while it runs or before it was started."""
        return None if self._process is None else self._process.poll()

    def send_signal(self, number: signal.Signals) -> None:
        """Send the worker itself a signal; nothing happens where it has ended."""
        if self._process is not None:
            self._process.send_signal(number)

    def require_running(self) -> None:
        """Return if the worker runs.

        Raises:
            NextclickError: If it has ended; the end of its log says why.
        """
        if self._process is None or self._process.poll() is not None:
            raise NextclickError(f"The worker ended. The last lines of {self._log}:\n{self._last_lines()}")

    def wait_until_ready(self) -> None:
        """Return once the worker's states are restored and its model is warm."""
        deadline = time.monotonic() + READY_TIMEOUT_S
        while self.page("/readyz") is None:
            self.require_running()
            if time.monotonic() > deadline:
                raise NextclickError(
                    f"The worker was not ready within {READY_TIMEOUT_S:.0f} s. "
                    f"The last lines of {self._log}:\n{self._last_lines()}"
                )
            time.sleep(POLL_S)

    def page(self, path: str) -> str | None:
        """Return what the worker's web port answers with status 200; None for anything else."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=5) as response:
                text: str = response.read().decode()
                return text
        except urllib.error.HTTPError as error:
            error.close()
            return None
        except OSError:
            return None

    def _last_lines(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-LOG_LINES_SHOWN:])


def _variables(settings: Settings) -> dict[str, str]:
    """Return the environment that gives another process these settings."""
    chosen = settings.model_dump(exclude_unset=True)
    return {ENVIRONMENT_PREFIX + name.upper(): _text(value) for name, value in chosen.items() if value is not None}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, Mapping):
        return ",".join(f"{name}={theirs}" for name, theirs in value.items())
    return str(value)


def _other_variables() -> dict[str, str]:
    # Settings of the environment are in `settings` already; what is ours alone must not be overruled by them.
    return {name: value for name, value in os.environ.items() if not name.startswith(ENVIRONMENT_PREFIX)}
