"""Where steps 1 to 5 are computed: in a thread of their own, or at once where that is brief."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from workers.events import ClickRecord

# What acknowledgements, heartbeats and pages can wait for. A hop to the thread and back costs some .6 ms.
BRIEF_S = 0.005

T = TypeVar("T")


class ModelThread:
    """Computes micro-batches, one at a time, without keeping the event loop from its other work.

    onnxruntime lets go of the interpreter while it runs, so that a long computation in the thread leaves the event loop
    alive. A few clicks are computed before the thread would have taken them over.

    Args:
        clock: Seconds, from any moment on.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")
        # What the last micro-batch took, by the power of two that its size lies below: most of what a few clicks cost
        # is there once a micro-batch, so that a click's share says nothing of a micro-batch of another size.
        self._last_s: dict[int, float] = {}

    async def run(self, compute: Callable[[Sequence[ClickRecord]], T], records: Sequence[ClickRecord]) -> T:
        """Return `compute(records)`.

        Args:
            compute: What is to be done.
            records: A micro-batch, at least one record.

        Raises:
            Exception: What it raises.
        """
        if self._last_s.get(len(records).bit_length(), BRIEF_S) < BRIEF_S:
            return self._timed(compute, records)
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._timed, compute, records)

    def _timed(self, compute: Callable[[Sequence[ClickRecord]], T], records: Sequence[ClickRecord]) -> T:
        began = self._clock()
        try:
            return compute(records)
        finally:
            # Without the way to the thread and back.
            self._last_s[len(records).bit_length()] = self._clock() - began
