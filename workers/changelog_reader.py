"""Reads changelog partitions in whole fetched batches, beside the consumer group.

A consumer of its own, as Kafka Streams has one for restores: it belongs to no group, so that it decides itself which
partitions it reads from where, and nothing that a rebalance does to the group's consumer reaches into a restore.
"""

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError, KafkaTimeoutError
from mode import Service

from models.errors import BrokerError, TopicError
from workers.kafka_admin import first_sentence
from workers.kafka_security import KafkaSecurity
from workers.log_ends import LogEnd, true_ends

log = structlog.get_logger("nextclick")

# Of one partition and fetch: a round trip to the broker brings some thousands of records.
PARTITION_FETCH_BYTES = 4 << 20
FETCH_WAIT_MS = 100
# Longer without a record, and a partition that the broker answers for has none left before its end.
QUIET_S = 3.0


class ChangelogSpan(NamedTuple):
    """What there is to read of a changelog partition.

    Attributes:
        start: Offset of the first record to read.
        end: Offset behind the last record that was there when the reading began.
        newest_record: That record's value; None where there is none, or it is a tombstone.
    """

    start: int
    end: int
    newest_record: bytes | None = None


class ChangelogReader(Service):
    """A Kafka consumer of changelog partitions.

    Args:
        bootstrap_servers: Brokers, comma separated.
        topic: The changelog.
        security: How to talk to the brokers.
        fetch_bytes: A broker that has less waits for more, as long as it may hold a fetch.
    """

    def __init__(self, bootstrap_servers: str, topic: str, *, security: KafkaSecurity, fetch_bytes: int = 1) -> None:
        super().__init__()
        self._topic = topic
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap_servers,
            # An offset that is not there is told, not replaced: see `assign`.
            auto_offset_reset="none",
            enable_auto_commit=False,
            isolation_level="read_committed",
            max_partition_fetch_bytes=PARTITION_FETCH_BYTES,
            fetch_min_bytes=fetch_bytes,
            fetch_max_wait_ms=FETCH_WAIT_MS,
            **security.client_options(),
        )
        self._quiet_since = 0.0
        self._quiet_since_ms = 0.0

    async def on_start(self) -> None:
        """Connect."""
        try:
            await self._consumer.start()
        except KafkaError as error:
            raise BrokerError(f"The changelog {self._topic} cannot be read: {first_sentence(error)}") from error

    async def on_stop(self) -> None:
        """Disconnect."""
        await self._consumer.stop()

    async def assign(self, newest_offsets: Mapping[int, int | None]) -> Mapping[int, ChangelogSpan]:
        """Read these partitions from now on, and no others.

        Args:
            newest_offsets: Offset of the newest record that is known already, by partition; None: none is.

        Raises:
            BrokerError: If a partition cannot be read.
            TopicError: If a known record lies behind the changelog's end.
        """
        tps = [TopicPartition(self._topic, partition) for partition in newest_offsets]
        if not tps:
            self._consumer.unsubscribe()
            return {}
        self._consumer.assign(tps)
        first, ends = await self._ask_for_ends(tps)
        spans = {tp.partition: _span(tp, newest_offsets[tp.partition], first=first[tp], end=ends[tp]) for tp in tps}
        for tp in tps:
            self._consumer.seek(tp, spans[tp.partition].start)
        self._heard_of_records()
        return spans

    async def _ask_for_ends(
        self, tps: Sequence[TopicPartition]
    ) -> tuple[Mapping[TopicPartition, int], Mapping[TopicPartition, LogEnd]]:
        """Return each partition's first offset and its end; an outage is waited for, as every fetch does."""
        while True:
            try:
                return await self._consumer.beginning_offsets(tps), await true_ends(self._consumer, tps)
            except (KafkaConnectionError, KafkaTimeoutError) as error:
                log.warning("Kafka does not say where the changelog ends: asked again", error=repr(error))
                await self.sleep(1.0)
            except KafkaError as error:
                raise BrokerError(f"The changelog {self._topic} cannot be read: {first_sentence(error)}") from error

    async def fetch(self, *, max_records: int, timeout_s: float) -> Mapping[int, Sequence[ConsumerRecord]]:
        """Return the next records by partition, in offset order; nothing where none came in time.

        Raises:
            BrokerError: If a partition cannot be read.
        """
        try:
            fetched = await self._consumer.getmany(timeout_ms=round(timeout_s * 1000), max_records=max_records)
        except KafkaError as error:
            raise BrokerError(f"The changelog {self._topic} cannot be read: {first_sentence(error)}") from error
        if fetched:
            self._heard_of_records()
        return {tp.partition: records for tp, records in fetched.items()}

    async def position(self, partition: int) -> int:
        """Return the offset that is read next; beyond what was compacted, aborted or a marker."""
        position: int = await self._consumer.position(TopicPartition(self._topic, partition))
        return position

    async def end(self, partition: int) -> int:
        """Return the offset behind the last record that is there now; what is read next stays the same.

        To be called while nobody fetches: the last record is fetched to learn where it ends.

        Raises:
            BrokerError: If the partition cannot be read.
        """
        tp = TopicPartition(self._topic, partition)
        position = await self.position(partition)
        _, ends = await self._ask_for_ends([tp])
        self._consumer.seek(tp, position)
        return ends[tp].offset

    def lag(self, partition: int, position: int) -> int:
        """Return how many records behind the position there are, as of the last fetch."""
        return max(0, (self._consumer.highwater(TopicPartition(self._topic, partition)) or 0) - position)

    def has_no_more(self, partition: int, end: int) -> bool:
        """Tell whether the broker has answered for long enough that nothing is left before `end`.

        The last records of a partition can be gone, tombstones that were compacted away: its end is never reached then.
        """
        if time.monotonic() - self._quiet_since < QUIET_S:
            return False
        tp = TopicPartition(self._topic, partition)
        answered_ms = self._consumer.last_poll_timestamp(tp) or 0
        # A broker that is away does not answer; one that was just elected may not have the whole log yet.
        return answered_ms > self._quiet_since_ms + QUIET_S * 1000 and (self._consumer.highwater(tp) or 0) >= end

    def _heard_of_records(self) -> None:
        self._quiet_since, self._quiet_since_ms = time.monotonic(), time.time() * 1000


def _span(tp: TopicPartition, newest_offset: int | None, *, first: int, end: LogEnd) -> ChangelogSpan:
    """Return what is left to read behind the newest record that is known."""
    start = first if newest_offset is None else max(first, newest_offset + 1)
    if newest_offset is not None and newest_offset >= end.offset:
        raise TopicError(
            f"The states of partition {tp.partition} are of changelog offset {newest_offset}, but {tp.topic} ends at "
            f"{end.offset}: it was deleted and made again, or lost records. If the changelog is right, delete the "
            f"folder partition-{tp.partition} of the state folder; if the states are, restore the topic."
        )
    return ChangelogSpan(start, max(start, end.offset), None if end.last is None else end.last.value)
