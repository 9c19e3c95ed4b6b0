"""A topic's records as the checker sees them, read to the end."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord

END_TIMEOUT_S = 60.0


class TopicRecord(NamedTuple):
    """One record of one topic."""

    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


@dataclass(frozen=True)
class Observed:
    """What the topics hold, each partition in offset order.

    Attributes:
        clicks: The click topic.
        lists: The recommendations.
        dead_letters: Rejected clicks.
        states: The changelog of user states, nothing compacted away yet.
        counts: The counts topic, the same; empty where the model is served without live counts.
    """

    clicks: Sequence[TopicRecord]
    lists: Sequence[TopicRecord]
    dead_letters: Sequence[TopicRecord]
    states: Sequence[TopicRecord]
    counts: Sequence[TopicRecord] = ()


def observe(
    bootstrap_servers: str, *, clicks: str, lists: str, dead_letters: str, states: str, counts: str
) -> Observed:
    """Read the topics."""
    topics = (clicks, lists, dead_letters, states, counts)
    return Observed(*(read_topic(bootstrap_servers, topic) for topic in topics))


def read_topic(bootstrap_servers: str, topic: str) -> list[TopicRecord]:
    """Return every record of a topic, partition by partition.

    Raises:
        TimeoutError: If the broker stops answering before the end.
    """
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap_servers.split(","),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        enable_incremental_fetch_sessions=False,
    )
    try:
        return _read_all(consumer, topic)
    finally:
        consumer.close()


def _read_all(consumer: KafkaConsumer, topic: str) -> list[TopicRecord]:
    partitions = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic))]
    consumer.assign(partitions)
    ends = consumer.end_offsets(partitions)
    consumer.seek_to_beginning(*partitions)
    records: list[TopicRecord] = []
    unread = {partition for partition in partitions if ends[partition] > 0}
    deadline = time.monotonic() + END_TIMEOUT_S
    while unread:
        fetched = consumer.poll(timeout_ms=200)
        records += [_topic_record(record) for batch in fetched.values() for record in batch]
        unread = {partition for partition in unread if not _is_read(consumer, partition, ends[partition])}
        if fetched:
            deadline = time.monotonic() + END_TIMEOUT_S
        elif time.monotonic() > deadline:
            raise TimeoutError(f"{topic} cannot be read to its end: {sorted(unread)} are not answered.")
    return sorted(records, key=lambda record: (record.partition, record.offset))


def _is_read(consumer: KafkaConsumer, partition: TopicPartition, named_end: int) -> bool:
    # A broker may name an end inside its last batch; the high watermark that a fetch brings is the true one.
    high_watermark = consumer.highwater(partition)
    return high_watermark is not None and consumer.position(partition) >= max(high_watermark, named_end)


def _topic_record(record: ConsumerRecord) -> TopicRecord:
    headers = tuple(record.headers)
    return TopicRecord(record.partition, record.offset, record.timestamp, record.key, record.value, headers)
