"""A topic's records up to its present end, all partitions merged in the order of their timestamps.

Each partition keeps the order of its offsets; between partitions the older timestamp goes first. So reading a topic
twice gives the same sequence, and a replay of it needs no sorting. In memory are some thousand records a partition.
"""

import time
from collections import deque
from collections.abc import Iterator, Mapping

from kafka import TopicPartition
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import KafkaError

from models.errors import BrokerError, TopicError
from nextclick import exact_records
from nextclick.recording.records import TIMESTAMP_TYPES, RecordedRecord
from nextclick.recording.selection import Selection
from nextclick.topic_reading import END_TIMEOUT_S, TopicReader
from workers.kafka_security import KafkaSecurity

# A partition that has as many waiting is paused until the others have caught up.
MOST_WAITING = 4_000


class TopicSource(TopicReader):
    """Reads a topic's records, those of aborted transactions left out, as a worker does.

    Args:
        bootstrap_servers: `host:port`, several with commas between them.
        topic: What to read.
        security: How the brokers are talked to; None: plainly.

    Raises:
        BrokerError: If no broker answers.
        TopicError: If the topic is not there.
    """

    def __init__(self, bootstrap_servers: str, topic: str, security: KafkaSecurity | None = None) -> None:
        exact_records.install()
        super().__init__(bootstrap_servers, topic, security, read_committed=True)
        self._waiting: dict[int, deque[RecordedRecord]] = {}
        self._expected: dict[int, int] = {}
        self._ends: dict[int, int] = {}
        self._previous: dict[int, int] = {}

    @property
    def partition_count(self) -> int:
        """How many partitions the topic has."""
        return len(self._partitions)

    def records(self, selection: Selection) -> Iterator[RecordedRecord]:
        """Yield the records that are meant, each told of the one before it among them.

        Raises:
            BrokerError: If the broker stops answering.
            TopicError: If an offset that was asked for is not there, or retention deletes records before they are read.
        """
        self._start(selection)
        for record in selection.of(self._merged()):
            previous = self._previous.get(record.partition)
            self._previous[record.partition] = record.offset
            yield record._replace(previous_offset=previous)

    def _start(self, selection: Selection) -> None:
        """Go to where each partition is to be read from, and pause those that are not."""
        missing = [p for p in sorted(selection.partitions | set(selection.offsets)) if p >= self.partition_count]
        if missing:
            raise TopicError(f"{self._topic} has no partition {missing[0]}, only 0 to {self.partition_count - 1}.")
        ends = self.seek_to_end()
        try:
            beginnings = {tp.partition: at for tp, at in self._consumer.beginning_offsets(self._partitions).items()}
            starts = self._starts(selection, beginnings, ends)
            for tp in self._partitions:
                if selection.has_partition(tp.partition):
                    self._consumer.seek(tp, starts[tp.partition])
                else:
                    self._consumer.pause(tp)
        except KafkaError as error:
            raise self._lost(error) from error
        wanted = [partition for partition in starts if selection.has_partition(partition)]
        last = {partition: selection.offsets[partition].end for partition in selection.offsets}
        self._ends = {partition: min(ends[partition], last.get(partition) or ends[partition]) for partition in wanted}
        self._expected = {partition: starts[partition] for partition in wanted}
        self._waiting = {partition: deque() for partition in wanted}

    def _starts(self, selection: Selection, beginnings: Mapping[int, int], ends: Mapping[int, int]) -> dict[int, int]:
        starts = dict(beginnings)
        if selection.since_ms is not None:
            starts |= self._first_since(selection.since_ms, beginnings)
        for partition, offsets in selection.offsets.items():
            begins, end = beginnings[partition], ends[partition]
            if offsets.start is not None and not begins <= offsets.start <= end:
                raise TopicError(f"{self._topic}/{partition} has offsets {begins} to {end}, not {offsets.start}.")
            if offsets.end is not None and offsets.end > end:
                raise TopicError(f"{self._topic}/{partition} ends before offset {end}, not {offsets.end}.")
            starts[partition] = max(starts[partition], offsets.start or 0)
        return starts

    def _first_since(self, since_ms: int, beginnings: Mapping[int, int]) -> dict[int, int]:
        """Return where the first record of that time or later is, as far as the broker's index can be believed.

        The embedded broker's index is of the time at which records arrived, whatever their timestamps say: there the
        record does not have the timestamp that the index names, and the partition is read from its beginning.
        """
        found = self._consumer.offsets_for_times(dict.fromkeys(self._partitions, since_ms))
        return {
            tp.partition: place.offset
            for tp, place in found.items()
            if place is not None
            and place.offset > beginnings[tp.partition]
            and (record := self.read_at(tp.partition, place.offset)) is not None
            and record.timestamp == place.timestamp >= since_ms
        }

    def _merged(self) -> Iterator[RecordedRecord]:
        """Yield the waiting record with the least timestamp, again and again; every partition has one waiting."""
        unread = {partition for partition, end in self._ends.items() if self._expected[partition] < end}
        deadline = time.monotonic() + END_TIMEOUT_S
        while unread or any(self._waiting.values()):
            if all(self._waiting[partition] for partition in unread):
                heads = [(queue[0].timestamp_ms, partition) for partition, queue in self._waiting.items() if queue]
                yield self._waiting[min(heads)[1]].popleft()
                continue
            if self._fetch(unread):
                deadline = time.monotonic() + END_TIMEOUT_S
            elif time.monotonic() > deadline:
                partition = min(unread)
                raise BrokerError(
                    f"{self._bootstrap_servers} sent nothing of {self._topic}/{partition} behind offset "
                    f"{self._expected[partition]} for {END_TIMEOUT_S:.0f} s: is it overloaded, or a transaction open?"
                )

    def _fetch(self, unread: set[int]) -> bool:
        """Take in what a poll brings; return whether any partition came closer to its end."""
        self._hold_back(unread)
        first: dict[int, int] = {}
        for record in self.poll():
            first.setdefault(record.partition, record.offset)
            if record.offset < self._ends[record.partition]:
                self._waiting[record.partition].append(_recorded(record))
        before = dict(self._expected)
        try:
            for partition, offset in first.items():
                self._require_kept(partition, offset)
            for partition in unread:
                self._expected[partition] = self._consumer.position(TopicPartition(self._topic, partition))
        except KafkaError as error:
            raise self._lost(error) from error
        unread -= {partition for partition in unread if self._expected[partition] >= self._ends[partition]}
        return self._expected != before

    def _hold_back(self, unread: set[int]) -> None:
        """Pause what is read to its end, and what has much waiting while others have nothing."""
        for partition, waiting in self._waiting.items():
            tp = TopicPartition(self._topic, partition)
            if partition in unread and len(waiting) < MOST_WAITING:
                self._consumer.resume(tp)
            else:
                self._consumer.pause(tp)

    def _require_kept(self, partition: int, offset: int) -> None:
        """Return if a jump is the topic's own; the client jumps as well where retention deleted what comes next."""
        expected = self._expected[partition]
        if offset == expected:
            return
        tp = TopicPartition(self._topic, partition)
        oldest = self._consumer.beginning_offsets([tp])[tp]
        if oldest > expected:
            raise TopicError(
                f"{self._topic}/{partition}: retention deleted offsets {expected} to {oldest - 1} before they were "
                "read. Start later, or let the topic keep its records for longer."
            )


def _recorded(record: ConsumerRecord) -> RecordedRecord:
    headers = tuple((exact_records.name_bytes(name), value) for name, value in record.headers)
    timestamp_type = TIMESTAMP_TYPES[record.timestamp_type or 0]
    return RecordedRecord(
        record.partition, record.offset, None, record.timestamp, timestamp_type, record.key, record.value, headers
    )
