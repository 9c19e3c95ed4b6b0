"""One Faust app over two transports: stock Faust's, an agent that is given record by record, and ours, micro-batches.

What the two agents are given, and which offsets their groups have committed at the end, must be the same.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self, cast

import faust
from faust.types import TP, EventT, StreamT
from mode import CrashingSupervisor

from tests.integration.reference_topic import ReferenceTopic, Seen
from workers.batch_consumer import batch_consumer
from workers.events import ClickRecord
from workers.fetched_records import FetchedRecords
from workers.micro_batches import micro_batches
from workers.ports import BatchAbandoned
from workers.settings import load_settings
from workers.streaming_app import StreamingApp

# The embedded broker lets a group form after half of it.
SESSION_TIMEOUT_S = 3
ARRIVAL_TIMEOUT_S = 30.0
# Long enough for a record that should not come to come all the same.
QUIET_S = 0.3
# Several fetches a partition, so that something lies between the consumer and the agent at any time.
FETCHED_RECORDS = 20


class Reading(ABC):
    """An app that reads one topic in a group of its own, and notes what its agent is given.

    Args:
        topic: What it reads.
        group: Its group, and the app's id.
        folder: Where Faust may write.
        commit_interval_s: By default longer than any test: what is committed was committed at the end.

    Attributes:
        app: The app; `app.consumer` is Faust's.
        seen: What it is done with, in the order in which it came.
    """

    scheme: str

    def __init__(self, topic: ReferenceTopic, group: str, folder: Path, *, commit_interval_s: float = 3600) -> None:
        self.topic = topic
        self.group = group
        self.seen: list[Seen] = []
        # Awaited by the agent for all that it is given.
        self.work: Callable[[], Awaitable[None]] = _no_work
        self.app = self._make_app(
            group,
            {
                "broker": f"{self.scheme}://{topic.broker}",
                "broker_session_timeout": SESSION_TIMEOUT_S,
                "broker_heartbeat_interval": SESSION_TIMEOUT_S / 10,
                "broker_commit_interval": commit_interval_s,
                "broker_max_poll_records": FETCHED_RECORDS,
                "consumer_auto_offset_reset": "earliest",
                "key_serializer": "raw",
                "value_serializer": "raw",
                "topic_allow_declare": False,
                "topic_disable_leader": True,
                "web_enabled": False,
                "datadir": str(folder / group),
            },
        )
        self._add_agent()

    @abstractmethod
    def _make_app(self, group: str, options: Mapping[str, Any]) -> faust.App:
        """Return the app."""

    @abstractmethod
    def _add_agent(self) -> None:
        """Give it the agent that reads the topic."""

    async def __aenter__(self) -> Self:
        self.app.finalize()
        await self.app.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.app.stop()

    def tp(self, partition: int) -> TP:
        """Name a partition of the topic as Faust does."""
        return TP(self.topic.name, partition)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something has happened."""
        deadline = time.monotonic() + ARRIVAL_TIMEOUT_S
        while not condition():
            assert time.monotonic() < deadline, f"{self.scheme} was given {len(self.seen)} records, and no more came"
            await asyncio.sleep(0.01)

    async def until_seen(self, count: int) -> None:
        """Wait until so many records have come, different ones, and then for what comes in spite of that."""
        await self.until(lambda: len(set(self.seen)) >= count)
        await asyncio.sleep(QUIET_S)


class StockReading(Reading):
    """Stock Faust: its transport, its agent, its bookkeeping of offsets."""

    scheme = "kafka"

    def _make_app(self, group: str, options: Mapping[str, Any]) -> faust.App:
        return faust.App(group, **options)

    def _add_agent(self) -> None:
        # Without `allow_empty` a record without a value would not reach the agent.
        topic = self.app.topic(self.topic.name, key_serializer="raw", value_serializer="raw", allow_empty=True)

        @self.app.agent(topic, name="read")
        async def read(stream: StreamT[bytes]) -> None:
            async for event in stream.events():
                await self.work()
                self.seen.append(seen(event))


class BatchReading(Reading):
    """Ours: whole fetched batches, and offsets that the agent moves."""

    scheme = "nextclick"

    def _make_app(self, group: str, options: Mapping[str, Any]) -> faust.App:
        app = StreamingApp(group, **options)
        app.settings = load_settings(
            artifact=Path(),
            app_id=group,
            bootstrap_servers=self.topic.broker,
            clicks_topic=self.topic.name,
            session_timeout_s=SESSION_TIMEOUT_S,
        )
        return app

    def _add_agent(self) -> None:
        topic = self.app.topic(self.topic.name, key_serializer="raw", value_serializer="raw", acks=False)

        @self.app.agent(topic, name="read", supervisor_strategy=CrashingSupervisor)
        async def read(stream: StreamT[FetchedRecords]) -> None:
            async for batch in micro_batches(stream, FETCHED_RECORDS):
                # As the worker's agent: a batch whose partitions have moved meanwhile came to nothing.
                with suppress(BatchAbandoned), batch_consumer(self.app).batch_in_flight() as in_flight:
                    await self.work()
                    in_flight.require({tp.partition for tp in batch.next_offsets})
                    self.seen.extend(map(_of_batch, batch.records))
                    in_flight.done(batch.next_offsets)


READINGS: tuple[type[Reading], ...] = (StockReading, BatchReading)


async def _no_work() -> None: ...


def _of_batch(record: ClickRecord) -> Seen:
    return Seen(record.partition, record.offset, record.timestamp_ms, record.key, record.value, record.headers)


def seen(event: EventT[bytes]) -> Seen:
    """Note what a stock agent is given."""
    message = event.message
    return Seen(
        message.partition,
        message.offset,
        round(message.timestamp * 1000),
        message.key,
        message.value,
        tuple(cast(Iterable[tuple[str, bytes]], message.headers or ())),
    )


def group_of(topic: ReferenceTopic, reading: type[Reading]) -> str:
    """Name the group of a transport's app."""
    return f"{topic.name}-{reading.scheme}"
