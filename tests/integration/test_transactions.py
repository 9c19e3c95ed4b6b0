"""Clicks of transactional producers."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from export.artifact import Artifact
from tests.integration.harness import make_stream, running_worker

pytestmark = pytest.mark.kafka


def test_an_aborted_click_never_happened(
    kafka: str, tiny_artifact: Artifact, unique_name: Callable[[str], str], tmp_path: Path
) -> None:
    """Of three transactions of one click each, the aborted one leaves neither list nor state; markers are no gap."""
    stream = make_stream(kafka, tiny_artifact.folder, unique_name("transactions"), partitions=1)

    async def send() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=unique_name("producer"))
        await producer.start()
        for number, user_id in enumerate(("ann", "bob", "ann")):
            click = {"user_id": user_id, "item_id": "item-01", "timestamp_ms": 1_700_000_000_000 + number}
            await producer.begin_transaction()
            await producer.send_and_wait(
                stream.settings.clicks_topic, key=user_id.encode(), value=json.dumps(click).encode()
            )
            await (producer.abort_transaction() if user_id == "bob" else producer.commit_transaction())
        await producer.stop()

    asyncio.run(send())
    with running_worker(stream, tmp_path) as worker:
        lists = stream.lists(2)
        worker.wait_until_idle()
        assert worker.clicks()["applied"] == 2
        assert worker.stop() == 0
    assert [json.loads(record.value)["user_id"] for record in lists] == ["ann", "ann"]
    assert stream.decoded_states()["ann"].clicks == 2
