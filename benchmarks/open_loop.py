"""Load at a fixed rate that does not wait for anybody: each click has its due time, whatever became of those before.

Latencies are counted from the due time, so that a late load generator, a slow broker and a stuck worker all show
(no coordinated omission); how late the load was is measured as well.
"""

import asyncio
import gc
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread

import numpy as np
from aiokafka import AIOKafkaProducer
from numpy.typing import NDArray

from benchmarks.writing import Record

# From the call to the first due time: the pacing thread must be up by then.
LEAD_S = 0.1


def due_times(start_s: float, rate: float, count: int) -> NDArray[np.float64]:
    """Return when each of `count` clicks is due, evenly spaced."""
    return start_s + np.arange(count) / rate


def due_by(now_s: float, start_s: float, rate: float, count: int) -> int:
    """Return how many of the clicks are due by now."""
    return min(count, max(0, int((now_s - start_s) * rate) + 1)) if now_s >= start_s else 0


class OpenLoop:
    """Sends records when they are due.

    Args:
        producer: Started; it must send at once.
        topic: Where to.
        records: In the order of their due times.
        rate: Records a second.

    Attributes:
        due_s: When each is due, `time.monotonic`; known once `send_all` runs.
        handed_over_s: When each was in the producer's hands.
    """

    def __init__(self, producer: AIOKafkaProducer, topic: str, records: Sequence[Record], rate: float) -> None:
        self._producer = producer
        self._topic = topic
        self._records = records
        self._rate = rate
        self._stop = Event()
        self.due_s = np.zeros(len(records))
        self.handed_over_s = np.zeros(len(records))

    async def send_all(self) -> None:
        """Send every record, and wait until the broker has acknowledged them."""
        start_s = time.monotonic() + LEAD_S
        self.due_s = due_times(start_s, self._rate, len(self._records))
        # A thread keeps the time: the event loop's own timers round up to a millisecond.
        ticks: asyncio.Queue[int] = asyncio.Queue()
        pacing = Thread(target=self._pace, args=(asyncio.get_running_loop(), ticks, start_s), daemon=True)
        pacing.start()
        try:
            with _no_collection():
                acknowledgements = await self._send_due(ticks)
        finally:
            self._stop.set()
            pacing.join()
        await asyncio.gather(*acknowledgements)

    async def _send_due(self, ticks: "asyncio.Queue[int]") -> list["asyncio.Future[object]"]:
        acknowledgements: list[asyncio.Future[object]] = []
        while len(acknowledgements) < len(self._records):
            due = await ticks.get()
            for number in range(len(acknowledgements), due):
                record = self._records[number]
                acknowledgements.append(
                    await self._producer.send(self._topic, record.value, record.key, partition=record.partition)
                )
                self.handed_over_s[number] = time.monotonic()
        return acknowledgements

    def _pace(self, loop: asyncio.AbstractEventLoop, ticks: "asyncio.Queue[int]", start_s: float) -> None:
        """Tell the event loop, whenever the next record is due, how many are."""
        told = 0
        while told < len(self._records) and not self._stop.is_set():
            wait_s = self.due_s[told] - time.monotonic()
            if wait_s > 0:
                time.sleep(wait_s)
            due = due_by(time.monotonic(), start_s, self._rate, len(self._records))
            if due > told:
                told = due
                loop.call_soon_threadsafe(ticks.put_nowait, told)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Collect no garbage in the block: a pause of ours would pass for one of the worker's."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
