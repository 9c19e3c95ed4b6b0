"""All partitions of one topic, read without a consumer group: nothing is committed, nobody else's share is taken."""

import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Self

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import KafkaError

from models.errors import BrokerError
from nextclick.record_sending import require_topic
from workers.kafka_admin import first_sentence, no_answer
from workers.kafka_security import KafkaSecurity

# How long a broker may hold a fetch that finds nothing new. The embedded broker does not wake such a fetch when a
# record arrives, so this bounds what reading adds to a latency.
FETCH_WAIT_MS = 5
POLL_MS = 100
END_TIMEOUT_S = 10.0

__all__ = ["ConsumerRecord", "TopicReader"]


class TopicReader:
    """Reads a topic from its beginning or from its end.

    Args:
        bootstrap_servers: `host:port`, several with commas between them.
        topic: What to read.
        security: How the brokers are talked to; None: plainly.
        read_committed: Whether records of transactions that are open or aborted are left out.
        fetch_wait_ms: How long a broker may hold a fetch that finds nothing new.

    Raises:
        BrokerError: If no broker answers.
        TopicError: If the topic is not there.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        topic: str,
        security: KafkaSecurity | None = None,
        *,
        read_committed: bool = False,
        fetch_wait_ms: int = FETCH_WAIT_MS,
    ) -> None:
        partitions = require_topic(bootstrap_servers, topic, security)
        self._bootstrap_servers = bootstrap_servers
        self._partitions = [TopicPartition(topic, partition) for partition in range(partitions)]
        try:
            self._consumer = KafkaConsumer(
                bootstrap_servers=bootstrap_servers.split(","),
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                isolation_level="read_committed" if read_committed else "read_uncommitted",
                fetch_max_wait_ms=fetch_wait_ms,
                # An incremental fetch says nothing of a partition without news; `seek_to_end` needs each one's end.
                enable_incremental_fetch_sessions=False,
                **(security or KafkaSecurity()).client_options(),
            )
            self._consumer.assign(self._partitions)
        except KafkaError as error:
            raise BrokerError(no_answer(bootstrap_servers)) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._consumer.close()

    def seek_to_beginning(self) -> None:
        """Go to the oldest record of each partition."""
        self._consumer.seek_to_beginning(*self._partitions)

    def seek_to_end(self) -> Mapping[int, int]:
        """Go behind the newest record of each partition; return the next offset to come, by partition.

        The end that a broker names when asked for it is not trusted: the embedded one names the offset behind the
        FIRST record of the last batch. Every fetch tells the true one, so one fetch is made there.

        Raises:
            BrokerError: If the broker stops answering.
        """
        try:
            named = self._consumer.end_offsets(self._partitions)
            # Assigned anew, so that the high watermarks are those of this fetch and not of an earlier one.
            self._consumer.unsubscribe()
            self._consumer.assign(self._partitions)
            for partition, offset in named.items():
                self._consumer.seek(partition, offset)
            ends = self._wait_for_high_watermarks(named)
            for partition, offset in ends.items():
                self._consumer.seek(partition, offset)
        except KafkaError as error:
            raise self._lost(error) from error
        return {partition.partition: offset for partition, offset in ends.items()}

    def poll(self) -> list[ConsumerRecord]:
        """Return what arrived within a tenth of a second, maybe nothing, in the order of each partition.

        Raises:
            BrokerError: If the broker refuses.
        """
        try:
            fetched = self._consumer.poll(timeout_ms=POLL_MS)
        except KafkaError as error:
            raise self._lost(error) from error
        return [record for records in fetched.values() for record in records]

    def read_to_end(self) -> Iterator[ConsumerRecord]:
        """Yield every record from the beginning up to the present end.

        Raises:
            BrokerError: If the broker stops answering.
        """
        ends = {partition: end for partition, end in self.seek_to_end().items() if end > 0}
        self.seek_to_beginning()
        deadline = time.monotonic() + END_TIMEOUT_S
        while any(
            self._consumer.position(TopicPartition(self._topic, partition)) < end for partition, end in ends.items()
        ):
            records = self.poll()
            if records:
                deadline = time.monotonic() + END_TIMEOUT_S
            elif time.monotonic() > deadline:
                raise BrokerError(f"The broker at {self._bootstrap_servers} stopped answering: is it overloaded?")
            yield from (record for record in records if record.offset < ends.get(record.partition, 0))

    def read_at(self, partition: int, offset: int) -> ConsumerRecord | None:
        """Return the record at an offset, or None where there is none (any more).

        Raises:
            BrokerError: If the broker stops answering.
        """
        if not 0 <= offset < self.seek_to_end().get(partition, 0):
            return None
        self._consumer.seek(TopicPartition(self._topic, partition), offset)
        deadline = time.monotonic() + END_TIMEOUT_S
        while time.monotonic() < deadline:
            # A record that retention has deleted: the client goes on with the oldest one that is left.
            later = [record for record in self.poll() if record.partition == partition]
            if later:
                return later[0] if later[0].offset == offset else None
        raise BrokerError(f"The broker at {self._bootstrap_servers} stopped answering: is it overloaded?")

    @property
    def _topic(self) -> str:
        topic: str = self._partitions[0].topic
        return topic

    def _wait_for_high_watermarks(self, named: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        deadline = time.monotonic() + END_TIMEOUT_S
        while True:
            self._consumer.poll(timeout_ms=FETCH_WAIT_MS)
            marks = {partition: self._consumer.highwater(partition) for partition in self._partitions}
            if all(mark is not None for mark in marks.values()):
                return {partition: max(named[partition], mark or 0) for partition, mark in marks.items()}
            if time.monotonic() > deadline:
                raise BrokerError(f"The broker at {self._bootstrap_servers} stopped answering: is it overloaded?")

    def _lost(self, error: KafkaError) -> BrokerError:
        return BrokerError(f"Reading {self._topic} from {self._bootstrap_servers} failed: {first_sentence(error)}")
