"""Workers that end themselves by signal 9 between two steps: `python -m tests.integration.crashing_worker POINT TIMES`.

A point is a place between two steps of `workers/pipeline.py`, by name: no clock decides where a worker dies. The worker
is otherwise the real one, and a place that is no longer there is an error.
"""

import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Any

from workers.batch_consumer import BatchConsumer
from workers.click_counting import ClickCounting
from workers.counts_beside import CountsBeside
from workers.pipeline import Pipeline
from workers.record_batches import RecordBatchWriter

Place = tuple[type, str, str]

# The method, and whether the worker dies before it or after it.
POINTS: Mapping[str, Place] = {
    "fetched": (Pipeline, "compute", "before"),
    "computed": (Pipeline, "compute", "after"),
    "some-lists-sent": (RecordBatchWriter, "_send_partition", "after"),
    # These three with live counts alone.
    "claiming": (CountsBeside, "records_of", "before"),
    "claimed": (ClickCounting, "begin_claimed", "before"),
    "counted": (ClickCounting, "records", "after"),
    "lists-sent": (Pipeline, "publish", "after"),
    "lists-acknowledged": (Pipeline, "save", "before"),
    "states-sent": (Pipeline, "save", "after"),
    "states-acknowledged": (Pipeline, "install", "before"),
    "installed": (Pipeline, "install", "after"),
    "committing": (BatchConsumer, "_commit", "before"),
    "committed": (BatchConsumer, "_commit", "after"),
}


def command(point: str, times: int) -> tuple[str, ...]:
    """Return what starts a worker that dies when it comes to this point for the so-many-th time."""
    return (sys.executable, "-m", "tests.integration.crashing_worker", point, str(times))


def crash_at(point: str, times: int) -> None:
    """Have this process die there."""
    owner, name, moment = POINTS[point]
    if not hasattr(owner, name):
        raise SystemExit(f"{owner!r} has no {name!r} any more: {point} is elsewhere now.")
    left = [times]

    def pass_point() -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, _watched(getattr(owner, name), moment, pass_point))


def _watched(method: Callable[..., Any], moment: str, pass_point: Callable[[], None]) -> Callable[..., Any]:
    if moment == "before":

        @wraps(method)
        def before(*args: object, **options: object) -> object:
            pass_point()
            return method(*args, **options)

        return before

    @wraps(method)
    def after(*args: object, **options: object) -> object:
        result = method(*args, **options)
        if not isinstance(result, Awaitable):
            pass_point()
            return result
        return _passed(result, pass_point)

    return after


async def _passed(result: Awaitable[object], pass_point: Callable[[], None]) -> object:
    done = await result
    pass_point()
    return done


if __name__ == "__main__":
    # The worker's own entry point reads the command line.
    _, chosen_point, chosen_times = sys.argv
    from nextclick.__main__ import main

    crash_at(chosen_point, int(chosen_times))
    sys.argv = ["nextclick", "worker"]
    main()
