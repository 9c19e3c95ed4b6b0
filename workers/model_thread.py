"""Where steps 1 to 5 are computed: in a thread of their own, or at once where that is brief."""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from workers.events import ClickRecord

# What acknowledgements, heartbeats and pages can wait for. A hop to the thread and back costs a fraction of it.
BRIEF_S = 0.002

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
        # What a record of the micro-batch before took.
        self._record_s = math.inf

    async def run(self, compute: Callable[[Sequence[ClickRecord]], T], records: Sequence[ClickRecord]) -> T:
        """Return `compute(records)`.

        Args:
            compute: What is to be done.
            records: A micro-batch, at least one record.

        Raises:
            Exception: What it raises.
        """
        began = self._clock()
        try:
            if len(records) * self._record_s <= BRIEF_S:
                return compute(records)
            return await asyncio.get_running_loop().run_in_executor(self._thread, compute, records)
        finally:
            self._record_s = (self._clock() - began) / len(records)
