"""A topic as any client sees it: what was written into it, what is read from it, which offsets a group has committed.

Everything is read back with kafka-python, and by no code of the worker's: it is what Faust's agents are compared with.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Self

from aiokafka import AIOKafkaProducer
from kafka import TopicPartition
from kafka.structs import OffsetAndMetadata

from nextclick.topic_reading import TopicReader
from workers.events import Headers
from workers.kafka_admin import connected_admin

APPEND_BYTES = 1 << 20


class Written(NamedTuple):
    """A record to write.

    Attributes:
        timestamp_ms: Its time.
        key: Its key, or none.
        value: Its value, or none.
        headers: Its headers in their order; a name may occur twice.
    """

    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class Seen(NamedTuple):
    """A record as a client was given it."""

    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class ReferenceTopic:
    """A topic with a name of its own.

    Args:
        broker: Its bootstrap servers.
        name: The topic, which is there.
    """

    def __init__(self, broker: str, name: str) -> None:
        self.broker = broker
        self.name = name

    @classmethod
    def make(cls, broker: str, name: str, *, partitions: int = 4, **configs: str) -> Self:
        """Make the topic."""
        with connected_admin(broker) as admin:
            dotted = {key.replace("_", "."): value for key, value in configs.items()}
            admin.create_topics({name: {"num_partitions": partitions, "replication_factor": 1, "configs": dotted}})
            admin.wait_for_topics([name])
        return cls(broker, name)

    def append(self, partition: int, records: Sequence[Written], *, compression: str | None = None) -> None:
        """Write records as one batch, compressed as told, and wait until the broker has them."""
        asyncio.run(self._append(partition, records, compression))

    async def _append(self, partition: int, records: Sequence[Written], compression: str | None) -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=self.broker, compression_type=compression, max_batch_size=APPEND_BYTES
        )
        async with producer:
            batch = producer.create_batch()
            for record in records:
                added = batch.append(
                    timestamp=record.timestamp_ms, key=record.key, value=record.value, headers=list(record.headers)
                )
                assert added is not None, "the records do not fit into one batch"
            await (await producer.send_batch(batch, self.name, partition=partition))

    def fill(self, counts: Mapping[int, int]) -> None:
        """Write so many numbered records to each partition, in batches of a hundred at most."""
        for partition, count in counts.items():
            for first in range(0, count, 100):
                self.append(partition, [numbered(number) for number in range(first, min(count, first + 100))])

    def records(self) -> list[Seen]:
        """Return what the topic holds now, without what transactions have aborted, partition by partition."""
        with TopicReader(self.broker, self.name, read_committed=True) as reader:
            found = [
                Seen(record.partition, record.offset, record.timestamp, record.key, record.value, tuple(record.headers))
                for record in reader.read_to_end()
            ]
        return sorted(found, key=lambda seen: seen[:2])

    def committed(self, group: str) -> dict[int, int]:
        """Return the offsets that a group has committed, by partition; those without one are left out."""
        with connected_admin(self.broker) as admin:
            offsets = admin.list_group_offsets(group)[group]
        return {
            tp.partition: found.offset for tp, found in offsets.items() if tp.topic == self.name and found.offset >= 0
        }

    def commit(self, group: str, offsets: Mapping[int, int]) -> None:
        """Commit offsets for a group that has no member."""
        with connected_admin(self.broker) as admin:
            admin.alter_group_offsets(
                group,
                {
                    TopicPartition(self.name, partition): OffsetAndMetadata(offset, "", -1)
                    for partition, offset in offsets.items()
                },
            )

    def delete_before(self, offsets: Mapping[int, int]) -> None:
        """Delete the records of each partition below an offset, as retention does."""
        with connected_admin(self.broker) as admin:
            admin.delete_records(
                {TopicPartition(self.name, partition): offset for partition, offset in offsets.items()}
            )


def numbered(number: int) -> Written:
    """A record that a person can tell from its neighbours."""
    return Written(1_700_000_000_000 + number, b"user-%d" % (number % 7), b"click-%d" % number)


def by_partition(records: Iterable[Seen]) -> dict[int, list[Seen]]:
    """Return the records of each partition, in the order in which they came."""
    partitions: dict[int, list[Seen]] = {}
    for record in records:
        partitions.setdefault(record.partition, []).append(record)
    return dict(sorted(partitions.items()))


def ends(records: Iterable[Seen]) -> dict[int, int]:
    """Return the offset behind the last record of each partition that has one."""
    return {partition: of_partition[-1].offset + 1 for partition, of_partition in by_partition(records).items()}
