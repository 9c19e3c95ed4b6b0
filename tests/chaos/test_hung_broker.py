"""A broker that hangs for longer than a try, in the middle of writes: every record once, each partition in order."""

import asyncio
import os
from pathlib import Path

import pytest
from kafka.admin import NewTopic

from nextclick.topic_reading import TopicReader
from tests.chaos.kafka_cluster import KafkaCluster
from workers import record_batches
from workers.events import OutgoingRecord
from workers.kafka_admin import connected_admin
from workers.kafka_security import KafkaSecurity
from workers.ports import Acknowledgement
from workers.record_batches import RecordBatchWriter

pytestmark = [pytest.mark.kafka, pytest.mark.chaos]

TOPIC = "written-meanwhile"
PARTITIONS = 4
TRY_TIMEOUT_MS = 1_000
# Longer than two tries, three times.
HANGS_S = (2.5, 2.5, 2.5)
SENDS_PER_HANG = 60


async def write_while_the_broker_hangs(cluster: KafkaCluster) -> int:
    """Send numbered records to every partition, some before and some within each hang; return how many to each."""
    writer = RecordBatchWriter(
        cluster.bootstrap_servers,
        security=KafkaSecurity(),
        batch_bytes=1 << 14,
        request_bytes=1 << 20,
        request_timeout_ms=60_000,
        compression=None,
    )
    sent: list[Acknowledgement] = []
    async with writer:
        for hang_s in HANGS_S:
            hanging = None
            for step in range(SENDS_PER_HANG):
                if step == SENDS_PER_HANG // 3:
                    hanging = asyncio.ensure_future(hang(cluster, hang_s))
                number = b"%d" % len(sent)
                records = [OutgoingRecord(TOPIC, partition, b"", number, ()) for partition in range(PARTITIONS)]
                # As micro-batches are: the next one is handed over when this one has found room.
                sent.append(await writer.send(records))
                await asyncio.sleep(0.01)
            assert hanging is not None
            await hanging
        for acknowledgement in sent:
            await acknowledgement
    return len(sent)


async def hang(cluster: KafkaCluster, seconds: float) -> None:
    await asyncio.to_thread(cluster.pause, 0)
    await asyncio.sleep(seconds)
    await asyncio.to_thread(cluster.resume, 0)


def test_records_keep_their_order_and_none_is_written_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = os.environ.get("NEXTCLICK_TEST_KAFKA_CLUSTER")
    if not script:
        pytest.skip("no broker that may be broken: NEXTCLICK_TEST_KAFKA_CLUSTER names the script that starts one")
    monkeypatch.setattr(record_batches, "TRY_TIMEOUT_MS", TRY_TIMEOUT_MS)
    with KafkaCluster(script, tmp_path / "kafka", nodes=1) as cluster:
        with connected_admin(cluster.bootstrap_servers) as admin:
            admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1)])
        count = asyncio.run(write_while_the_broker_hangs(cluster))
        with TopicReader(cluster.bootstrap_servers, TOPIC) as reader:
            written = list(reader.read_to_end())
    for partition in range(PARTITIONS):
        values = [int(record.value) for record in written if record.partition == partition]
        assert values == list(range(count))
