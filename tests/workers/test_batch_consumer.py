"""`BatchConsumer` over a scripted Kafka: whatever comes between fetch and delivery, nothing is lost or out of order."""

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
from workers.ports import BatchAbandoned
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


async def rebalance(consumer: BatchConsumer, delivered: Delivered, *, flowing: bool) -> None:
    """Do what Faust does at the end of a rebalance, with the flow on (after a restore) or off."""
    if not flowing:
        consumer.stop_flow()
        await asyncio.sleep(0)
    await consumer.perform_seek()
    delivered.fetches.append(None)
    consumer.resume_flow()


async def disturb(kind: str, tp: TP, consumer: BatchConsumer, kafka: ScriptedKafka, delivered: Delivered) -> None:
    """Do to one partition what Faust does between rebalances."""
    match kind:
        case "pause":
            consumer.pause_partitions({tp})
            await asyncio.sleep(0)
            consumer.resume_partitions({tp})
        case "full buffer":
            consumer.on_buffer_full(tp)
            await asyncio.sleep(0)
            consumer.on_buffer_drop(tp)
        case "stop":
            consumer.stop_flow()
            await asyncio.sleep(0)
            consumer.resume_flow()
        case "commit":
            done = [fetch.by_partition[tp] for fetch in delivered.fetches if fetch and tp in fetch.by_partition]
            if done:
                kafka.committed[tp] = max(kafka.committed[tp], done[-1][-1].offset + 1)


def assert_nothing_lost(
    fetches: Sequence[FetchedRecords | None], committed_at_seek: Sequence[Mapping[TP, int]]
) -> None:
    """Each partition's fetches follow on one another, and begin at the committed offset after each seek."""
    expected: dict[TP, int] = dict.fromkeys(CLICKS, 0)
    seeks = iter(committed_at_seek)
    for fetch in fetches:
        if fetch is None:
            expected = dict(next(seeks))
            continue
        for tp, records in fetch.by_partition.items():
            end = expected[tp] + len(records)
            assert [record.offset for record in records] == list(range(expected[tp], end))
            expected[tp] = end
    assert expected == dict.fromkeys(CLICKS, LOG_LENGTH)


@pytest.mark.parametrize("batch_topic", ["clicks", "another"])
@pytest.mark.parametrize("seed", range(60))
def test_nothing_is_lost_around_seeks_pauses_and_full_buffers(
    seed: int, batch_topic: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seeks with the flow on and off, pauses, stops and full buffers at random moments: every record comes, in order.

    In whole batches, and record by record, as agents of other topics get them.
    """

    async def run() -> None:
        chance = random.Random(seed)
        kafka, delivered = ScriptedKafka(chance), Delivered(chance)
        consumer = make_consumer(tmp_path, kafka, delivered, monkeypatch, batch_topic=batch_topic)
        committed_at_seek: list[Mapping[TP, int]] = []

        async def drain() -> None:
            while True:
                await consumer._fetch_and_deliver()
                await asyncio.sleep(0)

        draining = asyncio.create_task(drain())
        for _ in range(12):
            for _ in range(chance.randrange(30)):
                await asyncio.sleep(0)
            kind = chance.choice(["seek", "seek after a restore", "pause", "stop", "full buffer", "commit"])
            if kind.startswith("seek"):
                await rebalance(consumer, delivered, flowing=kind == "seek after a restore")
                committed_at_seek.append(dict(kafka.committed))
            else:
                await disturb(kind, chance.choice(CLICKS), consumer, kafka, delivered)
        # Time for what is left to come: a record takes a few turns of the loop.
        for _ in range(LOG_LENGTH * 50):
            await asyncio.sleep(0)
        draining.cancel()
        assert_nothing_lost(delivered.fetches, committed_at_seek)

    asyncio.run(run())


def test_a_worker_without_partitions_stays_in_its_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that waits for its turn fetches nothing; the client library would take it for dead after a while."""

    async def run() -> None:
        chance = random.Random(0)
        kafka = ScriptedKafka(chance)
        consumer = make_consumer(tmp_path, kafka, Delivered(chance), monkeypatch)
        await consumer._fetch_and_deliver()
        assert kafka.idle_fetches == 0
        consumer.pause_partitions(set(CLICKS))
        await consumer._fetch_and_deliver()
        assert kafka.idle_fetches == 1

    asyncio.run(run())


def test_offsets_move_only_for_a_finished_batch_that_is_still_owned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not for one that raised, that began too late, or of an older generation; and never backwards."""

    async def run() -> None:
        chance = random.Random(0)
        kafka = ScriptedKafka(chance)
        consumer = make_consumer(tmp_path, kafka, Delivered(chance), monkeypatch)
        tp = CLICKS[0]
        with pytest.raises(RuntimeError), consumer.batch_in_flight():
            raise RuntimeError("the pipeline failed")
        await consumer.commit()
        assert kafka.committed[tp] == 0

        with consumer.batch_in_flight() as batch:
            batch.done({tp: 10})
        with consumer.batch_in_flight() as batch:
            batch.done({tp: 7})
        await consumer.commit()
        assert kafka.committed[tp] == 10

        consumer.stop_flow()
        with consumer.batch_in_flight() as batch, pytest.raises(BatchAbandoned):
            batch.require({0})
        consumer.resume_flow()

        with consumer.batch_in_flight() as batch:
            batch.done({tp: 20})
            consumer.app.consumer_generation_id = 2
            with pytest.raises(BatchAbandoned):
                batch.require({0})
        await consumer.commit()
        assert kafka.committed[tp] == 10

    asyncio.run(run())


def test_letting_go_waits_for_what_stock_agents_are_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that a stock agent beside the batches has begun is finished, and committed, before partitions move."""

    async def run() -> None:
        chance = random.Random(0)
        kafka = ScriptedKafka(chance)
        consumer = make_consumer(tmp_path, kafka, Delivered(chance), monkeypatch)
        begun = Message("visits", 0, 7, 0.0, 0, None, b"u", b"v", None)
        consumer.track_message(begun)
        letting_go = asyncio.create_task(consumer.wait_empty())
        await asyncio.sleep(0.1)
        assert not letting_go.done()
        begun.acked = True
        await letting_go

    asyncio.run(run())


@pytest.mark.parametrize("turns", range(12))
@pytest.mark.parametrize("paused", [False, True])
def test_a_seek_by_hand_leaves_out_what_was_fetched_before_it(
    turns: int, paused: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At any moment of a fetch, also of a paused partition: it goes on at the offset that was asked for."""

    async def run() -> None:
        chance = random.Random(turns)
        # What has begun to enter a queue enters it: here nothing waits on its way there.
        kafka, delivered = ScriptedKafka(chance), Delivered(chance, longest_wait=1)
        consumer = make_consumer(tmp_path, kafka, delivered, monkeypatch)
        sought = CLICKS[0]
        fetching = asyncio.create_task(consumer._fetch_and_deliver())
        for _ in range(turns):
            await asyncio.sleep(0)
        if paused:
            consumer.pause_partitions({sought})
        before = len(delivered.fetches)
        await consumer.seek(sought, 30)
        await fetching
        consumer.resume_partitions({sought})
        brought: list[Sequence[ConsumerRecord]] = []
        while not brought:
            await consumer._fetch_and_deliver()
            fetches = filter(None, delivered.fetches[before:])
            brought = [fetch.by_partition[sought] for fetch in fetches if sought in fetch.by_partition]
        assert brought[0][0].offset == 30

    asyncio.run(run())
