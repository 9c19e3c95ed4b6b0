"""`BatchConsumer` and a stream whose queue is full: it waits for room, and no longer than the flow lasts."""

import asyncio
import random
from pathlib import Path

import pytest
from faust.types.tuples import Message

from tests.workers.scripted_kafka import CLICKS, Delivered, ScriptedKafka, make_consumer


class FullQueue(Delivered):
    """The agent's side with a queue that has no room until it is told."""

    def __init__(self) -> None:
        super().__init__(random.Random(0))
        self.room = asyncio.Event()

    async def __call__(self, message: Message) -> None:
        """Take a message once there is room."""
        await self.room.wait()
        await super().__call__(message)


class Failing(Delivered):
    """The agent's side, failing."""

    async def __call__(self, _message: Message) -> None:
        """Fail."""
        raise RuntimeError("the stream failed")


async def turns() -> None:
    """Give everything that waits for nothing but its turn enough of them."""
    for _ in range(100):
        await asyncio.sleep(0)


def test_a_delivery_waits_for_room_and_gives_up_when_the_flow_is_suspended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not delivered by then is not delivered later either: the seek that follows brings it again."""

    async def run() -> None:
        kafka, delivered = ScriptedKafka(random.Random(1)), FullQueue()
        consumer = make_consumer(tmp_path, kafka, delivered, monkeypatch)
        fetching = asyncio.create_task(consumer._fetch_and_deliver())
        await turns()
        assert all(kafka.position.values())
        assert not fetching.done()
        delivered.room.set()
        await asyncio.wait_for(fetching, 5)
        assert {tp for fetch in delivered.fetches if fetch for tp in fetch.by_partition} == set(CLICKS)

        delivered.room.clear()
        fetching = asyncio.create_task(consumer._fetch_and_deliver())
        await turns()
        assert not fetching.done()
        taken = len(delivered.fetches)
        consumer.stop_flow()
        await asyncio.wait_for(fetching, 5)
        delivered.room.set()
        await turns()
        assert len(delivered.fetches) == taken

    asyncio.run(run())


def test_what_a_stream_raises_ends_the_fetch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error in the delivery is not swallowed with the task that delivers."""

    async def run() -> None:
        kafka = ScriptedKafka(random.Random(1))
        consumer = make_consumer(tmp_path, kafka, Failing(random.Random(1)), monkeypatch)
        with pytest.raises(RuntimeError, match="the stream failed"):
            await consumer._fetch_and_deliver()

    asyncio.run(run())
