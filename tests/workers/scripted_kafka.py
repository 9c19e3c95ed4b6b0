"""A Kafka that a test scripts under a real `BatchConsumer`, and the agent's side above it."""

import asyncio
import random
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import cast

import pytest
from aiokafka import ConsumerRecord
from faust.types import TP
from faust.types.tuples import Message

from workers.batch_consumer import BatchConsumer
from workers.fetched_records import FetchedRecords
from workers.session_lease import SessionLease
from workers.settings import load_settings
from workers.streaming_app import StreamingApp
from workers.transport import Transport

CLICKS = (TP("clicks", 0), TP("clicks", 1))
LOG_LENGTH = 60
FETCH = 7


class ScriptedKafka:
    """The consumer's thread, and the partitions behind it: a log, a position and a committed offset each.

    Args:
        chance: Decides how long an answer takes and how much a fetch brings.
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.position = dict.fromkeys(CLICKS, 0)
        self.committed = dict.fromkeys(CLICKS, 0)
        self.idle_fetches = 0
        self.lease = SessionLease(30)

    async def getmany(self, partitions: Collection[TP], _timeout: float) -> Mapping[TP, Sequence[ConsumerRecord]]:
        """Take records from the positions; the answer is on its way for a while after that."""
        assert partitions, "an empty set means every partition to aiokafka"
        await self._wait()
        fetched = {tp: self._take(tp) for tp in partitions}
        await self._wait()
        return {tp: records for tp, records in fetched.items() if records}

    def _take(self, tp: TP) -> list[ConsumerRecord]:
        first = self.position[tp]
        end = min(LOG_LENGTH, first + self._chance.randrange(FETCH))
        self.position[tp] = end
        return [
            ConsumerRecord(tp.topic, tp.partition, offset, offset, 0, b"u", b"v", None, 1, 1, ())
            for offset in range(first, end)
        ]

    async def stay_member(self) -> None:
        """Count how often it is told."""
        self.idle_fetches += 1

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Go back to the committed offsets."""
        await self._wait()
        self.position.update(self.committed)
        await self._wait()
        return dict(self.committed)

    def seek(self, partition: TP, offset: int) -> None:
        """Go to an offset."""
        self.position[partition] = offset

    def highwater(self, _tp: TP) -> int:
        """Return the end of the log."""
        return LOG_LENGTH

    async def commit(self, offsets: Mapping[TP, int]) -> bool:
        """Keep the offsets."""
        self.committed.update(offsets)
        return True

    async def _wait(self) -> None:
        for _ in range(self._chance.randrange(4)):
            await asyncio.sleep(0)


class Delivered:
    """The agent's side: what it takes, in order; `None` where the consumer sought to the committed offsets."""

    consumer: BatchConsumer

    def __init__(self, chance: random.Random, *, longest_wait: int = 4) -> None:
        self._chance = chance
        self._longest_wait = longest_wait
        self.fetches: list[FetchedRecords | None] = []

    async def __call__(self, message: Message) -> None:
        """Take a message, after a while: a batch, or the record of a topic that is read record by record."""
        fetch: object = message.value
        if not isinstance(fetch, FetchedRecords):
            fetch = FetchedRecords({message.tp: [cast(ConsumerRecord, message)]}, self.consumer.era)
        for _ in range(self._chance.randrange(self._longest_wait)):
            await asyncio.sleep(0)
        if fetch.era == self.consumer.era:
            self.fetches.append(fetch)


def make_consumer(
    artifact: Path,
    kafka: ScriptedKafka,
    delivered: Delivered,
    monkeypatch: pytest.MonkeyPatch,
    *,
    batch_topic: str = "clicks",
) -> BatchConsumer:
    """A consumer that owns both partitions, its flow resumed."""
    app = StreamingApp("test", broker="nextclick://127.0.0.1:1")
    app.settings = load_settings(artifact=artifact, clicks_topic=batch_topic)
    app.consumer_generation_id = 1

    async def nothing(*_: object) -> None: ...

    consumer = cast(
        BatchConsumer,
        Transport("nextclick://127.0.0.1:1", app).create_consumer(
            delivered, on_partitions_revoked=nothing, on_partitions_assigned=nothing
        ),
    )
    delivered.consumer = consumer
    # The real thread is never started; only its event loop is there already.
    consumer._thread.thread_loop.close()
    monkeypatch.setattr(consumer, "_thread", kafka)
    consumer._set_active_tps(set(CLICKS))
    consumer.resume_flow()
    return consumer
