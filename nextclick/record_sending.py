"""Records sent one by one on a schedule: bounded in flight, every one of them counted.

The schedule is the clock's, not the broker's: each record has its due time from the start, so a slow broker delays
records but never stretches the schedule, and the load that a worker sees is the load that was asked for (an open loop).
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import BoundedSemaphore, Event
from typing import NamedTuple

from kafka import KafkaProducer
from kafka.errors import KafkaConnectionError, KafkaError, KafkaTimeoutError
from kafka.future import Future
from kafka.producer.future import RecordMetadata

from models.errors import BrokerError, TopicError
from nextclick import exact_records
from workers.kafka_admin import describe_topics, first_sentence, no_answer
from workers.kafka_security import KafkaSecurity
from workers.record_sizes import CLICK_BYTES

# Records that are sent and not yet acknowledged: enough to fill batches to every partition, a few MB of memory.
MOST_IN_FLIGHT = 10_000
# How long a record may wait for its acknowledgement, retries included, before it counts as failed.
DELIVERY_TIMEOUT_MS = 30_000
REQUEST_TIMEOUT_MS = 10_000
# Records wait this long for others of their batch; a person does not notice, and it is what makes `max` fast.
LINGER_MS = 5
BATCH_BYTES = 1 << 17
PROGRESS_INTERVAL_S = 0.1


class RecordToSend(NamedTuple):
    """A record for a topic.

    Attributes:
        key: None for null; value and the headers' values likewise.
        value: The body.
        partition: Where to; None: where the key says, which must be there then.
        headers: In their order.
        timestamp_ms: None: the present.
    """

    key: bytes | None
    value: bytes | None
    partition: int | None = None
    headers: Sequence[tuple[str, bytes | None]] = ()
    timestamp_ms: int | None = None


@dataclass(frozen=True)
class ReplayReport:
    """What became of a replay's records; sent = acknowledged + failed.

    Attributes:
        sent: Records handed to the producer.
        acknowledged: Records that every in-sync replica has.
        failed: Records that the broker refused or did not acknowledge in time.
        first_failure: Why the first of them failed.
        stopped: Whether it ended before the records did.
        elapsed_s: From the first record to the last acknowledgement.
        most_behind_s: How far the records fell behind their schedule at worst; 0 without one.
        acknowledged_by_partition: The acknowledged ones, by partition of the topic that they went to.
    """

    sent: int
    acknowledged: int
    failed: int
    first_failure: str | None
    stopped: bool
    elapsed_s: float
    most_behind_s: float
    acknowledged_by_partition: Mapping[int, int] = field(default_factory=dict)

    @property
    def clicks_per_second(self) -> float:
        """Acknowledged records over the elapsed time."""
        return self.acknowledged / self.elapsed_s if self.elapsed_s else 0.0


def require_topic(bootstrap_servers: str, topic: str, security: KafkaSecurity | None = None) -> int:
    """Return the topic's number of partitions.

    Raises:
        BrokerError: If no broker answers.
        TopicError: If the topic is not there: sending to it could create it, with partitions of the broker's choice.
    """
    found = describe_topics(bootstrap_servers, [topic], security=security).get(topic)
    if found is None:
        raise TopicError(f"There is no topic {topic} at {bootstrap_servers}: make it with `nextclick topics create`.")
    return found.partitions


def click_producer(
    bootstrap_servers: str, security: KafkaSecurity | None = None, *, linger_ms: int = LINGER_MS
) -> KafkaProducer:
    """Return a producer that loses nothing and keeps each user's clicks in order (idempotent, murmur2 on the key).

    Args:
        bootstrap_servers: `host:port`, several with commas between them.
        security: How the brokers are talked to; None: plainly.
        linger_ms: How long a click waits for others of its batch.

    Raises:
        BrokerError: If no broker answers.
    """
    try:
        return KafkaProducer(
            bootstrap_servers=bootstrap_servers.split(","),
            acks="all",
            delivery_timeout_ms=DELIVERY_TIMEOUT_MS,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            max_block_ms=REQUEST_TIMEOUT_MS,
            bootstrap_timeout_ms=REQUEST_TIMEOUT_MS,
            linger_ms=linger_ms,
            batch_size=BATCH_BYTES,
            max_request_size=CLICK_BYTES,
            **(security or KafkaSecurity()).client_options(),
        )
    except KafkaError as error:
        raise BrokerError(no_answer(bootstrap_servers)) from error


class RecordSender:
    """Sends records, bounded in flight, and counts what becomes of them.

    `sent` is written by the caller's thread, the other counts by the producer's alone, so that each is exact.

    Attributes:
        producer: Whose `flush` waits for every acknowledgement.
        stop: Set it to send no more.
        sent: Records handed to the producer.
        acknowledged: By partition.
        first_failure: Why the first failed that did.
    """

    def __init__(self, producer: KafkaProducer, topic: str, stop: Event) -> None:
        exact_records.install()
        self.producer = producer
        self.stop = stop
        self.sent = 0
        self.acknowledged: Counter[int] = Counter()
        self.first_failure: str | None = None
        self._delivery_failures = 0
        self._refused = 0
        self._topic = topic
        self._room = BoundedSemaphore(MOST_IN_FLIGHT)

    def send(self, record: RecordToSend) -> bool:
        """Send one record; False, and nothing sent, once `stop` is set."""
        while not self._room.acquire(timeout=PROGRESS_INTERVAL_S):
            if self.stop.is_set():
                return False
        if self.stop.is_set():
            return False
        self.sent += 1
        try:
            future = _hand_over(self.producer, self._topic, record)
        except KafkaError as error:
            # Not even handed over: too large, or the topic went away.
            self._refused += 1
            self._note(error)
            self._room.release()
        else:
            future.add_callback(self._on_acknowledged)
            future.add_errback(self._on_failed)
        return True

    def report(self, pace: "Pace", *, stopped: bool) -> ReplayReport:
        """Return what became of the records, once the producer is flushed."""
        return ReplayReport(
            sent=self.sent,
            acknowledged=self.acknowledged.total(),
            failed=self._delivery_failures + self._refused,
            first_failure=self.first_failure,
            stopped=stopped,
            elapsed_s=pace.elapsed_s(),
            most_behind_s=pace.most_behind_s,
            acknowledged_by_partition=dict(sorted(self.acknowledged.items())),
        )

    def _on_acknowledged(self, metadata: RecordMetadata) -> None:
        self.acknowledged[metadata.partition] += 1
        self._room.release()

    def _on_failed(self, error: KafkaError) -> None:
        self._delivery_failures += 1
        self._note(error)
        self._room.release()

    def _note(self, error: KafkaError) -> None:
        self.first_failure = self.first_failure or first_sentence(error)
        if isinstance(error, (KafkaTimeoutError, KafkaConnectionError)):
            # A broker that does not answer any more: to try each record that is left would take hours.
            self.stop.set()


class Pace:
    """When records are due, in seconds after the first."""

    def __init__(self) -> None:
        self.most_behind_s = 0.0
        self._started_s: float | None = None

    def wait_until(self, due_s: float | None, stop: Event) -> bool:
        """Return True when a record is due, at once for None, and False as soon as `stop` is set."""
        if self._started_s is None:
            self._started_s = time.monotonic()
        if due_s is None:
            return not stop.is_set()
        wait_s = self._started_s + due_s - time.monotonic()
        self.most_behind_s = max(self.most_behind_s, -wait_s)
        return not (stop.wait(wait_s) if wait_s > 0 else stop.is_set())

    def elapsed_s(self) -> float:
        """Return how long ago the first record was due."""
        return 0.0 if self._started_s is None else time.monotonic() - self._started_s


class ShownProgress:
    """Tells of progress about ten times a second.

    Args:
        on_progress: Given the records sent and those that there are.
        total: Those that there are; None where nobody knows.
    """

    def __init__(self, on_progress: Callable[[int, int], None] | None, total: int) -> None:
        self._on_progress = on_progress
        self._total = total
        self._shown_s = 0.0

    def show(self, sent: int, *, last: bool = False) -> None:
        """Tell, if it is time."""
        now_s = time.monotonic()
        if self._on_progress is not None and (last or now_s - self._shown_s >= PROGRESS_INTERVAL_S):
            self._shown_s = now_s
            self._on_progress(sent, self._total)


def _hand_over(producer: KafkaProducer, topic: str, record: RecordToSend) -> Future:
    """Give a record to the producer's batches."""
    is_nothing = record.key is None and record.value is None
    return producer.send(
        topic,
        exact_records.NULL if is_nothing else record.value,
        key=record.key,
        headers=[(name, exact_records.NULL if content is None else content) for name, content in record.headers],
        partition=record.partition,
        timestamp_ms=record.timestamp_ms,
    )
