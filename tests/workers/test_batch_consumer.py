"""`BatchConsumer` over a scripted Kafka: whatever comes between fetch and delivery, nothing is lost or out of order."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from aiokafka import ConsumerRecord
from faust.types import TP
from faust.types.tuples import Message

from tests.workers.scripted_kafka import CLICKS, LOG_LENGTH, Delivered, ScriptedKafka, make_consumer
from workers.batch_consumer import BatchConsumer
from workers.fetched_records import FetchedRecords
from workers.ports import BatchAbandoned


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
