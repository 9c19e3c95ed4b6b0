"""Ctrl-C and SIGTERM as an ordinary way to end."""

import contextlib
import signal
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
