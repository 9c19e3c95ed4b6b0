"""Steady clicks: each has its time from the start, whatever the broker does, and each acknowledgement is counted.

aiokafka sends them, one batch at a time to a partition, so that a user's clicks keep their order through every retry. A
click whose acknowledgement was lost may be in the topic twice: two clicks, for the workers and for the checker alike.
"""

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from threading import Event, Thread

from aiokafka import AIOKafkaProducer

# Longer than any outage of a test: the load waits for its broker as the workers do.
DELIVERY_TIMEOUT_MS = 180_000
# Clicks that wait for their acknowledgement: an outage must not fill the memory.
MOST_IN_FLIGHT = 50_000


@dataclass(frozen=True)
class OutgoingClick:
    """A record for the click topic; where its partition is None, the key decides."""

    key: bytes
    value: bytes
    partition: int | None = None


def encode_click(fields: Mapping[str, object]) -> OutgoingClick:
    """Return a click keyed by its user."""
    return OutgoingClick(str(fields["user_id"]).encode(), json.dumps(fields).encode())


@dataclass
class LoadReport:
    """What became of the clicks; sent = acknowledged + failed once it has ended.

    Attributes:
        sent: Handed to the producer.
        acknowledged: On every in-sync replica.
        failed: Not acknowledged in time; the topic may hold them all the same.
        ends: The offset behind the newest acknowledged click, by partition.
        most_behind_s: How far the load fell behind its schedule at worst.
    """

    sent: int = 0
    acknowledged: int = 0
    failed: int = 0
    ends: dict[int, int] = field(default_factory=dict)
    most_behind_s: float = 0.0


class ClickLoad:
    """Sends clicks at a rate, in a thread of its own, until it is stopped or they end.

    Args:
        bootstrap_servers: The brokers.
        topic: The click topic.
        clicks: What is sent.
        clicks_per_second: The rate.
    """

    def __init__(
        self, bootstrap_servers: str, topic: str, clicks: Iterator[OutgoingClick], clicks_per_second: float
    ) -> None:
        self.report = LoadReport()
        self._bootstrap_servers = bootstrap_servers
        self._topic = topic
        self._clicks = clicks
        self._clicks_per_second = clicks_per_second
        self._stop = Event()
        self._thread = Thread(target=lambda: asyncio.run(self._run()), name="click-load", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> LoadReport:
        """Send no more, wait for every acknowledgement, return what became of the clicks."""
        self._stop.set()
        return self.wait()

    def wait(self) -> LoadReport:
        """Wait until every click is sent and answered for."""
        self._thread.join()
        return self.report

    async def _run(self) -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap_servers, acks="all", linger_ms=5, request_timeout_ms=DELIVERY_TIMEOUT_MS
        )
        await producer.start()
        try:
            await self._send_all(producer)
        finally:
            # Waits for what is in flight.
            await producer.stop()

    async def _send_all(self, producer: AIOKafkaProducer) -> None:
        room = asyncio.Semaphore(MOST_IN_FLIGHT)

        def settle(future: asyncio.Future[object]) -> None:
            room.release()
            self._count(future)

        started_s = time.monotonic()
        for number, click in enumerate(self._clicks):
            await self._wait_until(started_s + number / self._clicks_per_second)
            if self._stop.is_set():
                break
            await room.acquire()
            future = await producer.send(self._topic, click.value, click.key, click.partition)
            self.report.sent += 1
            future.add_done_callback(settle)

    async def _wait_until(self, due_s: float) -> None:
        self.report.most_behind_s = max(self.report.most_behind_s, time.monotonic() - due_s)
        while not self._stop.is_set() and (left_s := due_s - time.monotonic()) > 0:  # noqa: ASYNC110 - a thread sets it
            await asyncio.sleep(min(left_s, 0.1))

    def _count(self, future: asyncio.Future[object]) -> None:
        if future.cancelled() or future.exception() is not None:
            self.report.failed += 1
            return
        metadata = future.result()
        partition, offset = (int(getattr(metadata, name)) for name in ("partition", "offset"))
        self.report.acknowledged += 1
        self.report.ends[partition] = max(offset + 1, self.report.ends.get(partition, 0))
