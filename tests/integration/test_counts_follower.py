"""The counts follower against a broker: who asks how far it has to read takes no record away, also while it stops."""

import asyncio
from collections.abc import Callable, Sequence
from typing import cast

import pytest

from tests.integration.test_changelog_reader import make_topic, write
from workers.changelog_reader import ChangelogReader
from workers.counts_follower import CountsFollower
from workers.kafka_security import KafkaSecurity
from workers.ports import BatchAbandoned
from workers.served_counts import CountsRecord, ServedCounts

pytestmark = pytest.mark.broker

RECORDS, ROUNDS = 200, 5


class KeepingCounts:
    """Keeps the offsets that it is given."""

    waiting_s = 0.0
    snapshot = None
    trending_items = 0

    def __init__(self) -> None:
        self.offsets: list[int] = []

    def hand_over(self, records: Sequence[CountsRecord]) -> None:
        """Keep them."""
        self.offsets += [record.offset for record in records]

    def advance(self, *, even_if_ranking: bool = True) -> None:
        """Do nothing."""


def test_every_record_is_handed_over_once_while_others_ask_for_the_end(
    broker: str, unique_name: Callable[[str], str]
) -> None:
    """Each time partitions move somebody asks, in the middle of reading."""
    topic, served = make_topic(broker, unique_name("counts")), KeepingCounts()

    async def run() -> None:
        reader = ChangelogReader(broker, topic, security=KafkaSecurity())
        follower = CountsFollower(reader, cast(ServedCounts, served))
        async with reader, follower:
            for _ in range(ROUNDS):
                writing = asyncio.ensure_future(write(broker, topic, RECORDS))
                while not writing.done():
                    await follower.caught_up()
                await writing
            await follower.caught_up(ROUNDS * RECORDS)

    asyncio.run(run())
    assert served.offsets == list(range(ROUNDS * RECORDS))


def test_who_waits_when_the_worker_stops_is_told(broker: str, unique_name: Callable[[str], str]) -> None:
    """In the middle of asking for the end, and where he waits for records that never come."""
    topic = make_topic(broker, unique_name("counts"))

    async def ask(follower: CountsFollower, end: int | None) -> None:
        while True:
            await follower.caught_up(end)

    async def stop_in_between(after_s: float) -> list[BaseException | None]:
        reader = ChangelogReader(broker, topic, security=KafkaSecurity())
        async with reader:
            follower = CountsFollower(reader, cast(ServedCounts, KeepingCounts()))
            await follower.start()
            asking = [asyncio.create_task(ask(follower, end)) for end in (None, None, 1_000_000)]
            await asyncio.sleep(after_s)
            # As an app stops what it depends on: what was added last goes first.
            await follower.stop()
        await asyncio.wait(asking, timeout=10)
        return [one.exception() if one.done() else None for one in asking]

    async def run() -> None:
        await write(broker, topic, RECORDS)
        for after_s in (0, 0.05, 0.1, 0.15):
            told = await stop_in_between(after_s)
            assert [type(one) for one in told] == [BatchAbandoned] * 3

    asyncio.run(run())
