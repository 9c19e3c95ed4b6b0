"""SIGTERM and Ctrl-C before Faust listens for them: nothing is in flight yet, so the process ends at once.

Imports nothing of ours: it comes before everything that takes its time.
"""

import os
import signal
from types import FrameType

STDERR = 2


def end_at_signal() -> None:
    """End this process with exit code 0 at SIGTERM or SIGINT; Faust's own handlers take these over."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)


def _end(number: int, _frame: FrameType | None) -> None:
    # Past Python's own buffers and ways to exit: this may interrupt any of them, and an import can swallow an exit.
    os.write(STDERR, f"nextclick: stopped by {signal.Signals(number).name} before it had started\n".encode())
    os._exit(0)
