"""Reads a topic as it fills, and notes when what arrived; nothing is decoded before the clock has stopped."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition

from models.errors import BrokerError

# The embedded broker does not wake a fetch that waits for news: this bounds what reading adds to a latency.
FETCH_WAIT_MS = 5
FETCH_BYTES = 8 << 20
POLL_MS = 50
# Nothing for this long although something is missing: whoever writes is stuck, or has lost it.
STALL_TIMEOUT_S = 60.0
# After the last one that was waited for: long enough for one that should not be there.
AFTERMATH_S = 0.5
# A topic that gives nothing for this long has nothing more.
QUIET_MS = 1_000


@dataclass(frozen=True)
class Arrival:
    """What one fetch brought.

    Attributes:
        at_s: When it was there, `time.monotonic`.
        values: The records' values, in the order of each partition.
    """

    at_s: float
    values: Sequence[bytes]


class TopicTail:
    """Reads all partitions of a topic from the beginning.

    Args:
        consumer: Started and assigned.
        check: Called now and then; raises where waiting has become useless.
    """

    def __init__(self, consumer: AIOKafkaConsumer, check: Callable[[], None]) -> None:
        self._consumer = consumer
        self._check = check
        self.arrivals: list[Arrival] = []

    async def read_until(self, is_complete: Callable[[Sequence[bytes]], bool]) -> None:
        """Read until `is_complete`, asked with the values of each fetch, and a little longer.

        Raises:
            BrokerError: If nothing comes any more before that.
        """
        newest_s = time.monotonic()
        while True:
            values = await self._fetch()
            if values and is_complete(values):
                break
            self._check()
            newest_s = time.monotonic() if values else newest_s
            if time.monotonic() - newest_s > STALL_TIMEOUT_S:
                got = sum(len(arrival.values) for arrival in self.arrivals)
                raise BrokerError(f"Nothing has come for {STALL_TIMEOUT_S:.0f} s, after {got:,} records.")
        await self._read_aftermath()

    async def _read_aftermath(self) -> None:
        deadline = time.monotonic() + AFTERMATH_S
        while time.monotonic() < deadline:
            await self._fetch()

    async def _fetch(self) -> list[bytes]:
        fetched = await self._consumer.getmany(timeout_ms=POLL_MS)
        at_s = time.monotonic()
        values = [record.value for records in fetched.values() for record in records]
        if values:
            self.arrivals.append(Arrival(at_s, values))
        return values


@asynccontextmanager
async def topic_tail(
    bootstrap_servers: str, topic: str, partitions: int, check: Callable[[], None]
) -> AsyncIterator[TopicTail]:
    """Open a topic for reading from its beginning."""
    async with _open(bootstrap_servers, topic, partitions) as consumer:
        yield TopicTail(consumer, check)


async def count_bytes(bootstrap_servers: str, topic: str, partitions: int) -> int:
    """Return how many bytes of keys and values a topic holds that nobody writes to any more."""
    counted = 0
    async with _open(bootstrap_servers, topic, partitions) as consumer:
        # The embedded broker does not tell the true end: the end is where nothing comes any more.
        while fetched := await consumer.getmany(timeout_ms=QUIET_MS):
            for records in fetched.values():
                counted += sum(len(record.key or b"") + len(record.value or b"") for record in records)
    return counted


@asynccontextmanager
async def _open(bootstrap_servers: str, topic: str, partitions: int) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        fetch_max_wait_ms=FETCH_WAIT_MS,
        max_partition_fetch_bytes=FETCH_BYTES,
        fetch_max_bytes=FETCH_BYTES,
        check_crcs=False,
    )
    consumer.assign([TopicPartition(topic, partition) for partition in range(partitions)])
    async with consumer:
        yield consumer
