"""A place for a worker: it is started there, killed, paused, and started again where it ended by itself."""

import signal
import time
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path

from nextclick.page.messages import WorkerView
from nextclick.page.worker_pages import WorkerReading
from nextclick.worker_process import WorkerProcess
from workers.settings import Settings

# As a process supervisor would: at once, and so that an eye can follow.
RESTART_PAUSE_S = 1.0


class SlotState(StrEnum):
    """What can be seen of a worker from outside."""

    STARTING = "starting"
    READY = "ready"
    NOT_READY = "not_ready"
    PAUSED = "paused"
    GONE = "gone"


def worker_view(name: str, state: SlotState, reading: WorkerReading, *, detail: str, lives: int) -> WorkerView:
    """Return a worker as a browser shows it."""
    return WorkerView(
        name=name,
        state=state,
        detail=detail,
        lives=lives,
        partitions=tuple(reading.partitions),
        lag=int(reading.total("nextclick_consumer_lag_records")),
        memory_mib=int(reading.total("process_resident_memory_bytes")) >> 20,
    )


class WorkerSlot:
    """One worker at a time.

    Args:
        name: For a person.
        settings: The worker's.
        logs: The folder of its logs, one a life.

    Attributes:
        lives: How many workers were started here.
        reading: What the present one said last.
        is_paused: Whether it was stopped by SIGSTOP.
        partitions: Those of its last reading that named any: what a killed worker leaves behind.
    """

    def __init__(self, name: str, settings: Settings, logs: Path) -> None:
        self.name = name
        self.lives = 0
        self.reading = WorkerReading()
        self.is_paused = False
        self.partitions: list[int] = []
        self._settings = settings
        self._logs = logs
        self._life = ExitStack()
        self._process: WorkerProcess | None = None
        self._ended_s: float | None = None
        self._was_ready = False

    def start(self) -> None:
        """Start a worker."""
        self.lives += 1
        self.is_paused = self._was_ready = False
        self._ended_s = None
        self.reading = WorkerReading()
        log = self._logs / f"{self.name}-{self.lives}.log"
        self._process = self._life.enter_context(WorkerProcess(self._settings, log))

    @property
    def process(self) -> WorkerProcess:
        """The worker that was started last."""
        if self._process is None:
            raise RuntimeError(f"{self.name} was never started.")
        return self._process

    @property
    def state(self) -> SlotState:
        """What can be seen of it now."""
        if self._process is None or self._process.exit_code is not None:
            return SlotState.GONE
        if self.is_paused:
            return SlotState.PAUSED
        if self.reading.is_ready:
            return SlotState.READY
        return SlotState.NOT_READY if self._was_ready else SlotState.STARTING

    @property
    def exit_code(self) -> int | None:
        """How the worker ended, -9 by signal 9; None while it runs."""
        return None if self._process is None else self._process.exit_code

    def view(self) -> WorkerView:
        """Return what can be seen of it, for a person."""
        state, code = self.state, self.exit_code
        detail = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        return worker_view(
            self.name,
            state,
            self.reading,
            detail=detail if state is SlotState.GONE else self.reading.waits_for,
            lives=self.lives,
        )

    def note(self, reading: WorkerReading) -> None:
        """Take in what the worker says."""
        self.reading = reading
        self._was_ready = self._was_ready or reading.is_ready
        if reading.answers:
            self.partitions = reading.partitions

    def kill(self) -> None:
        """Signal 9."""
        self.process.send_signal(signal.SIGKILL)

    def pause(self) -> None:
        """SIGSTOP: it is there, and does nothing."""
        self.process.send_signal(signal.SIGSTOP)
        self.is_paused = True

    def resume(self) -> None:
        """SIGCONT."""
        self.process.send_signal(signal.SIGCONT)
        self.is_paused = False

    def is_due(self) -> bool:
        """Return whether the worker has ended and is to be started again."""
        if self.exit_code is None:
            return False
        self.is_paused = False
        if self._ended_s is None:
            self._ended_s = time.monotonic()
            self.reading = WorkerReading()
        return time.monotonic() - self._ended_s >= RESTART_PAUSE_S

    def close(self) -> None:
        """End the worker, SIGTERM first; a paused one goes on for it."""
        if self.is_paused:
            self.resume()
        self._life.close()
