"""How many offsets are fetched and not processed, processed and not committed: what the gauges show."""

import asyncio
import random
from pathlib import Path

import pytest

from tests.workers.scripted_kafka import CLICKS, Delivered, ScriptedKafka, make_consumer


def test_processed_records_wait_for_a_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the committed offset that a restart would find; a failed commit leaves them waiting."""

    async def run() -> None:
        chance = random.Random(0)
        kafka = ScriptedKafka(chance)
        kafka.committed[CLICKS[0]] = 6
        consumer = make_consumer(tmp_path, kafka, Delivered(chance), monkeypatch)
        await consumer.perform_seek()
        consumer.resume_flow()
        assert [consumer.uncommitted(tp) for tp in CLICKS] == [0, 0]

        with consumer.batch_in_flight() as batch:
            assert consumer.batches_in_flight == 1
            batch.done({CLICKS[0]: 10, CLICKS[1]: 3})
            assert [consumer.uncommitted(tp) for tp in CLICKS] == [0, 0]
        assert consumer.batches_in_flight == 0
        assert [consumer.uncommitted(tp) for tp in CLICKS] == [4, 3]

        async def refused(_offsets: object) -> bool:
            return False

        with monkeypatch.context() as patched:
            patched.setattr(consumer, "_commit", refused)
            await consumer.commit()
        assert [consumer.uncommitted(tp) for tp in CLICKS] == [4, 3]

        with consumer.batch_in_flight() as batch:
            batch.done({CLICKS[0]: 12, CLICKS[1]: 5})
        await consumer.commit()
        assert [consumer.uncommitted(tp) for tp in CLICKS] == [0, 0]

        await consumer.on_partitions_revoked({CLICKS[0]})
        assert consumer.uncommitted(CLICKS[0]) == 0

    asyncio.run(run())


def test_no_more_is_fetched_where_enough_is_in_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until a micro-batch is done, or a seek makes what was delivered come again."""

    async def run() -> None:
        chance = random.Random(0)
        kafka, delivered = ScriptedKafka(chance), Delivered(chance)
        monkeypatch.setattr("workers.batch_consumer.room", lambda _settings: 5)
        monkeypatch.setattr("workers.batch_consumer.FETCH_TIMEOUT_S", 0.005)
        consumer = make_consumer(tmp_path, kafka, delivered, monkeypatch)
        await consumer.perform_seek()
        consumer.resume_flow()

        async def fetch_until_full() -> int:
            for _ in range(20):
                await consumer._fetch_and_deliver()
            return sum(fetch.record_count for fetch in delivered.fetches if fetch)

        first = await fetch_until_full()
        assert first == sum(consumer.unprocessed(tp) for tp in CLICKS) >= 5
        assert await fetch_until_full() == first
        with consumer.batch_in_flight() as batch:
            batch.done({tp: consumer.unprocessed(tp) for tp in CLICKS})
        assert [consumer.unprocessed(tp) for tp in CLICKS] == [0, 0]
        second = await fetch_until_full()
        assert second > first
        await consumer.perform_seek()
        consumer.resume_flow()
        assert [consumer.unprocessed(tp) for tp in CLICKS] == [0, 0]
        assert await fetch_until_full() > second

    asyncio.run(run())
