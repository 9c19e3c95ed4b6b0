"""Stock agents and a stock table in the app that reads whole batches: all that they do, they do as in stock Faust."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

import faust
import pytest
from faust.types import StreamT

from tests.integration.reference_topic import ReferenceTopic, Seen, Written, by_partition, ends
from tests.integration.stock_reference import QUIET_S, READINGS, BatchReading, Reading, group_of, seen

pytestmark = pytest.mark.broker

UniqueName: TypeAlias = Callable[[str], str]
PARTITIONS = 3


class Visits:
    """A stock agent that counts in a stock table.

    Args:
        app: Whose it is.
        topic: What it reads.
    """

    def __init__(self, app: faust.App, topic: ReferenceTopic) -> None:
        self.seen: list[Seen] = []
        self.counts = app.Table("visits", default=bytes, partitions=PARTITIONS, key_type=bytes, value_type=bytes)

        @app.agent(app.topic(topic.name, key_serializer="raw", value_serializer="raw"), name="count_visits")
        async def count_visits(stream: StreamT[bytes]) -> None:
            async for event in stream.events():
                self.seen.append(seen(event))
                self.counts[event.key] += b"+"


class Outcome(NamedTuple):
    """What one run of an app came to.

    Attributes:
        clicks: What its first agent was given: micro-batches in ours, records in stock Faust.
        visits: What its stock agent was given.
        counts: The stock agent's table at the end.
    """

    clicks: list[Seen]
    visits: list[Seen]
    counts: dict[bytes, bytes]


def visits_of(partition: int, first: int, count: int) -> list[Written]:
    """Visits of users who are all of one partition, as its share of the table is."""
    numbers = range(first, first + count)
    return [Written(1_700_000_000_000 + n, b"user-%d-%d" % (partition, n % 5), b"%d" % n) for n in numbers]


def changelog(reading: type[Reading], clicks: ReferenceTopic) -> ReferenceTopic:
    """The changelog of a transport's table."""
    return ReferenceTopic(clicks.broker, f"{group_of(clicks, reading)}-visits-changelog")


def run(
    readings: Sequence[type[Reading]], clicks: ReferenceTopic, visits: ReferenceTopic, folder: Path, count: int
) -> list[Outcome]:
    """Run an app over each of the transports until its agents were given so many clicks and visits; stop it."""

    async def run_one(kind: type[Reading]) -> Outcome:
        reading = kind(clicks, group_of(clicks, kind), folder)
        beside = Visits(reading.app, visits)
        async with reading:
            await reading.until(lambda: len(reading.seen) + len(beside.seen) >= count)
            await asyncio.sleep(QUIET_S)
            return Outcome(reading.seen, beside.seen, dict(beside.counts.items()))

    async def run_all() -> list[Outcome]:
        return await asyncio.gather(*map(run_one, readings))

    return asyncio.run(run_all())


def test_agents_and_tables_beside_a_batch_topic(broker: str, unique_name: UniqueName, tmp_path: Path) -> None:
    """Record by record, in order, once; committed to the end of the log; a table that a restart finds again.

    At that restart stock Faust is no reference: what it has fetched before it seeks its streams to their committed
    offsets, it gives its agents twice, or loses. The app that reads batches has each record once, in this agent too.
    """
    clicks = ReferenceTopic.make(broker, unique_name("clicks"), partitions=PARTITIONS)
    visits = ReferenceTopic.make(broker, unique_name("visits"), partitions=PARTITIONS)
    for kind in READINGS:
        ReferenceTopic.make(broker, changelog(kind, clicks).name, partitions=PARTITIONS, cleanup_policy="compact")
    clicks.fill({0: 90, 1: 90})
    for partition in range(PARTITIONS):
        visits.append(partition, visits_of(partition, 0, 60))
    first = visits.records()

    for outcome in run(READINGS, clicks, visits, tmp_path, 180 + 180):
        assert by_partition(outcome.clicks) == by_partition(clicks.records())
        assert by_partition(outcome.visits) == by_partition(first)
        assert outcome.counts == counted(first)
    for kind in READINGS:
        assert visits.committed(group_of(clicks, kind)) == ends(first) == {0: 60, 1: 60, 2: 60}
        assert visits_by_user(changelog(kind, clicks).records()) == visits_by_user(first)

    for partition in range(PARTITIONS):
        visits.append(partition, visits_of(partition, 60, 20))
    everything = visits.records()

    (ours,) = run([BatchReading], clicks, visits, tmp_path, 60)
    assert ours.clicks == []
    assert by_partition(ours.visits) == by_partition(record for record in everything if record.offset >= 60)
    assert ours.counts == counted(everything)
    assert visits.committed(group_of(clicks, BatchReading)) == {0: 80, 1: 80, 2: 80}


def visits_by_user(records: Iterable[Seen]) -> dict[tuple[int, bytes | None], int]:
    """How many records each user has in each partition."""
    return Counter((record.partition, record.key) for record in records)


def counted(visits: Sequence[Seen]) -> dict[bytes, bytes]:
    """The table that counts these visits."""
    counts = Counter(record.key for record in visits)
    return {key: b"+" * count for key, count in counts.items() if key is not None}
