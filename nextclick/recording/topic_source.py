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

# A partition that has as much waiting is left alone until others have caught up and half of it is gone.
MOST_WAITING = 8_000
MOST_WAITING_BYTES = 8 << 20


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
        self._waiting: dict[int, _Waiting] = {}
        self._reading: set[int] = set()
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
        """Find out where each partition is to be read from and up to where."""
        missing = [p for p in sorted(selection.partitions | set(selection.offsets)) if p >= self.partition_count]
        if missing:
            raise TopicError(f"{self._topic} has no partition {missing[0]}, only 0 to {self.partition_count - 1}.")
        ends = self.seek_to_end()
        try:
            beginnings = {tp.partition: at for tp, at in self._consumer.beginning_offsets(self._partitions).items()}
            starts = self._starts(selection, beginnings, ends)
        except KafkaError as error:
            raise self._lost(error) from error
        wanted = [partition for partition in starts if selection.has_partition(partition)]
        last = {partition: selection.offsets[partition].end for partition in selection.offsets}
        self._ends = {partition: min(ends[partition], last.get(partition) or ends[partition]) for partition in wanted}
        self._expected = {partition: starts[partition] for partition in wanted}
        self._waiting = {partition: _Waiting() for partition in wanted}
        self._reading = set()

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
                heads = [(queue.next_ms, partition) for partition, queue in self._waiting.items() if queue]
                yield self._waiting[min(heads)[1]].take()
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
        self._read_the_needed(unread)
        before = dict(self._expected)
        jumps: dict[int, int] = {}
        for record in self.poll():
            if record.offset != self._expected[record.partition]:
                jumps.setdefault(record.partition, self._expected[record.partition])
            self._expected[record.partition] = record.offset + 1
            if record.offset < self._ends[record.partition]:
                self._waiting[record.partition].add(_recorded(record))
        try:
            for partition in self._reading:
                position = self._consumer.position(TopicPartition(self._topic, partition))
                # Without a record: behind a transaction's marker, or after the client has jumped.
                if position != self._expected[partition]:
                    jumps.setdefault(partition, self._expected[partition])
                self._expected[partition] = position
            for partition, offset in jumps.items():
                self._require_kept(partition, offset)
        except KafkaError as error:
            raise self._lost(error) from error
        unread -= {partition for partition in unread if self._expected[partition] >= self._ends[partition]}
        return self._expected != before

    def _read_the_needed(self, unread: set[int]) -> None:
        """Leave alone what is read to its end, and what has much waiting while others have nothing.

        Not by the client's `pause`: what it had fetched of a paused partition it may never hand out again
        (kafka-python 3.0.12 looks for it only where the last fetch was not used up).
        """
        needed = {p for p in unread if not self._waiting[p].is_long(1.0 if p in self._reading else 0.5)}
        if needed == self._reading:
            return
        self._reading = needed
        self._consumer.unsubscribe()
        self._consumer.assign([TopicPartition(self._topic, partition) for partition in sorted(needed)])
        for partition in needed:
            self._consumer.seek(TopicPartition(self._topic, partition), self._expected[partition])

    def _require_kept(self, partition: int, expected: int) -> None:
        """Return if a jump over this offset is the topic's own; the client jumps over what retention deleted, too."""
        tp = TopicPartition(self._topic, partition)
        oldest = self._consumer.beginning_offsets([tp])[tp]
        if oldest > expected:
            raise TopicError(
                f"{self._topic}/{partition}: retention deleted offsets {expected} to {oldest - 1} before they were "
                "read. Start later, or let the topic keep its records for longer."
            )


class _Waiting:
    """A partition's records that were read and not yet taken."""

    def __init__(self) -> None:
        self._records: deque[RecordedRecord] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._records)

    @property
    def next_ms(self) -> int:
        """The timestamp of the next one."""
        return self._records[0].timestamp_ms

    def is_long(self, share: float) -> bool:
        """Return whether as much is waiting as that share of the most."""
        return len(self._records) >= share * MOST_WAITING or self._bytes >= share * MOST_WAITING_BYTES

    def add(self, record: RecordedRecord) -> None:
        self._records.append(record)
        self._bytes += len(record.value or b"")

    def take(self) -> RecordedRecord:
        record = self._records.popleft()
        self._bytes -= len(record.value or b"")
        return record


def _recorded(record: ConsumerRecord) -> RecordedRecord:
    headers = tuple((exact_records.name_bytes(name), value) for name, value in record.headers)
    timestamp_type = TIMESTAMP_TYPES[record.timestamp_type or 0]
    return RecordedRecord(
        record.partition, record.offset, None, record.timestamp, timestamp_type, record.key, record.value, headers
    )
