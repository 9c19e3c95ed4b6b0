"""Ctrl-C and SIGTERM as an ordinary way to end."""

import contextlib
import signal
import sys
from collections.abc import Iterator
from threading import Event
from types import FrameType


@contextlib.contextmanager
def stopped_by_signal() -> Iterator[None]:
    """Leave the block at Ctrl-C or SIGTERM, by way of its own `with` blocks; what follows it still runs."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            yield
    finally:
        signal.signal(signal.SIGTERM, previous)


@contextlib.contextmanager
def stop_at_signal() -> Iterator[Event]:
    """Yield an event that Ctrl-C or SIGTERM sets; a second one of the same kind does what it always does."""
    stop = Event()
    numbers = (signal.SIGINT, signal.SIGTERM)
    previous = {number: signal.getsignal(number) for number in numbers}

    def set_once(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, previous[signal.Signals(number)])
        stop.set()

    for number in numbers:
        signal.signal(number, set_once)
    try:
        yield stop
    finally:
        for number in numbers:
            signal.signal(number, previous[number])


class StoppedBySignal(KeyboardInterrupt):
    """Ctrl-C or SIGTERM, on its way up through every `with` block.

    Attributes:
        exit_code: What a shell expects of a program that a signal ended: 128 and the signal's number.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.exit_code = 128 + number


# How soon a stop that was lost on its way up is raised again.
RAISE_AGAIN_S = 0.5


@contextlib.contextmanager
def raised_at_signal() -> Iterator[None]:
    """Raise `StoppedBySignal` in the block at Ctrl-C or SIGTERM, once: what ends on the way up ends undisturbed.

    Python drops an exception that is raised inside a finaliser or a callback of C code. So it is raised again until it
    is on its way.
    """
    numbers = (signal.SIGINT, signal.SIGTERM)
    stopped_by: int | None = None

    def stop(number: int, _frame: FrameType | None) -> None:
        nonlocal stopped_by
        stopped_by = stopped_by or number
        if not _is_stopping(sys.exception()):
            signal.setitimer(signal.ITIMER_REAL, RAISE_AGAIN_S)
            raise StoppedBySignal(stopped_by)

    previous = {number: signal.signal(number, stop) for number in (*numbers, signal.SIGALRM)}
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in previous.items():
            signal.signal(number, handler)


def _is_stopping(handled: BaseException | None) -> bool:
    """Tell whether the code that a signal interrupts is ending things already because of an earlier one."""
    while handled is not None:
        if isinstance(handled, StoppedBySignal):
            return True
        handled = handled.__context__
    return False
