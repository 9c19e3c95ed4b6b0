"""A click log played into the click topic, at its own pace, at a multiple of it, or as fast as the broker takes it.

The schedule is the clock's, not the broker's: each click has its due time from the start, so a slow broker delays
clicks but never stretches the schedule, and the load that a worker sees is the load that was asked for (an open loop).
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from threading import BoundedSemaphore, Event

import msgspec
import polars as pl
from kafka import KafkaProducer
from kafka.errors import KafkaConnectionError, KafkaError, KafkaTimeoutError

from models.errors import BrokerError, TopicError
from workers.kafka_admin import CLICK_BYTES, describe_topics, first_sentence, no_answer
from workers.kafka_security import KafkaSecurity

# Clicks that are sent and not yet acknowledged: enough to fill batches to every partition, a few MB of memory.
MOST_IN_FLIGHT = 10_000
# How long a click may wait for its acknowledgement, retries included, before it counts as failed.
DELIVERY_TIMEOUT_MS = 30_000
REQUEST_TIMEOUT_MS = 10_000
# Clicks wait this long for others of their batch; a person does not notice, and it is what makes `max` fast.
LINGER_MS = 5
BATCH_BYTES = 1 << 17
PROGRESS_INTERVAL_S = 0.1


class ClickMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """A click as the click topic carries it, in JSON."""

    user_id: str
    item_id: str
    timestamp_ms: int
    event_id: str | None = None
    session_id: str | None = None
    event_type: str | None = None
    value: float | None = None
    consent: bool | None = None


@dataclass(frozen=True)
class ReplayReport:
    """What became of a replay's clicks; sent = acknowledged + failed.

    Attributes:
        sent: Clicks handed to the producer.
        acknowledged: Clicks that every in-sync replica has.
        failed: Clicks that the broker refused or did not acknowledge in time.
        first_failure: Why the first of them failed.
        stopped: Whether it ended before the clicks did.
        elapsed_s: From the first click to the last acknowledgement.
        most_behind_s: How far the clicks fell behind their schedule at worst; 0 without one.
    """

    sent: int
    acknowledged: int
    failed: int
    first_failure: str | None
    stopped: bool
    elapsed_s: float
    most_behind_s: float

    @property
    def clicks_per_second(self) -> float:
        """Acknowledged clicks over the elapsed time."""
        return self.acknowledged / self.elapsed_s if self.elapsed_s else 0.0


def replay_clicks(
    clicks: pl.DataFrame,
    *,
    dataset: str,
    bootstrap_servers: str,
    topic: str,
    security: KafkaSecurity | None = None,
    speed: float | None = None,
    due_s: Sequence[float] | None = None,
    limit: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    on_send: Callable[[int], None] | None = None,
    stop: Event | None = None,
) -> ReplayReport:
    """Send clicks in the order of their time, keyed by user, and wait for every acknowledgement.

    Event times stay in the message; the record's own timestamp is the present, or the topic's retention would delete
    an old log at once.

    Args:
        clicks: Columns of `models.prepared_data.CLICK_SCHEMA`.
        dataset: Begins each event id: `eshop-17` is the eighteenth click in order of time.
        bootstrap_servers: `host:port`, several with commas between them.
        topic: The click topic; it must be there.
        security: How the brokers are talked to; None: plainly.
        speed: Factor of real time; None: as fast as possible.
        due_s: When each click is to be sent, in seconds after the first one, whatever the event times say; in place of
            `speed`.
        limit: Send the first so many only.
        on_progress: Called about ten times a second, and at the end, with the clicks sent and the clicks there are.
        on_send: Called right before each click is sent, with its number in order of time.
        stop: Set it to end early, in order: what was sent is waited for.

    Raises:
        BrokerError: If no broker answers at the start.
        TopicError: If the topic is not there.
    """
    require_topic(bootstrap_servers, topic, security)
    ordered = clicks.sort("timestamp_ms", maintain_order=True)
    ordered = ordered if limit is None else ordered.head(limit)
    sender = _Sender(click_producer(bootstrap_servers, security), topic, stop or Event())
    pace = _Pace(due_s if due_s is not None else _due_by_event_time(ordered, speed))
    progress = _Progress(on_progress, ordered.height)
    with sender.producer:
        for number, message in enumerate(click_messages(ordered, dataset)):
            if not pace.wait_until_due(number, sender.stop):
                break
            if on_send is not None:
                on_send(number)
            if not sender.send(message):
                break
            progress.show(sender.sent)
        sender.producer.flush()
    elapsed_s = pace.elapsed_s()
    progress.show(sender.sent, last=True)
    return ReplayReport(
        sent=sender.sent,
        acknowledged=sender.acknowledged,
        failed=sender.failed,
        first_failure=sender.first_failure,
        stopped=sender.sent < ordered.height,
        elapsed_s=elapsed_s,
        most_behind_s=pace.most_behind_s,
    )


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


def click_messages(clicks: pl.DataFrame, dataset: str) -> Iterator[ClickMessage]:
    """Yield each row's message, its event id made of the data set's name and the row's number."""
    columns = ("user_id", "item_id", "timestamp_ms", "session_id", "event_type", "value")
    for row, (user_id, item_id, timestamp_ms, session_id, event_type, value) in enumerate(
        clicks.select(columns).iter_rows()
    ):
        yield ClickMessage(user_id, item_id, timestamp_ms, f"{dataset}-{row}", session_id, event_type, value)


class _Sender:
    """Sends messages, bounded in flight, and counts what becomes of them.

    `sent` is written by the caller's thread, the other counts by the producer's alone, so that each is exact.
    """

    def __init__(self, producer: KafkaProducer, topic: str, stop: Event) -> None:
        self.producer = producer
        self.stop = stop
        self.sent = 0
        self.acknowledged = 0
        self.first_failure: str | None = None
        self._delivery_failures = 0
        self._refused = 0
        self._topic = topic
        self._room = BoundedSemaphore(MOST_IN_FLIGHT)
        self._encode = msgspec.json.Encoder().encode

    @property
    def failed(self) -> int:
        return self._delivery_failures + self._refused

    def send(self, message: ClickMessage) -> bool:
        """Send one click; False, and nothing sent, once `stop` is set."""
        while not self._room.acquire(timeout=PROGRESS_INTERVAL_S):
            if self.stop.is_set():
                return False
        if self.stop.is_set():
            return False
        self.sent += 1
        try:
            future = self.producer.send(self._topic, self._encode(message), key=message.user_id.encode())
        except KafkaError as error:
            # Not even handed over: too large, or the topic went away.
            self._refused += 1
            self._note(error)
            self._room.release()
        else:
            future.add_callback(self._on_acknowledged)
            future.add_errback(self._on_failed)
        return True

    def _on_acknowledged(self, _metadata: object) -> None:
        self.acknowledged += 1
        self._room.release()

    def _on_failed(self, error: KafkaError) -> None:
        self._delivery_failures += 1
        self._note(error)
        self._room.release()

    def _note(self, error: KafkaError) -> None:
        self.first_failure = self.first_failure or first_sentence(error)
        if isinstance(error, (KafkaTimeoutError, KafkaConnectionError)):
            # A broker that does not answer any more: to try each click that is left would take hours.
            self.stop.set()


def _due_by_event_time(ordered: pl.DataFrame, speed: float | None) -> Sequence[float] | None:
    """Return when each click is due: as far from the first one as its event time says, divided by the speed."""
    if speed is None or ordered.is_empty():
        return None
    timestamp_ms = ordered["timestamp_ms"]
    due_s: list[float] = ((timestamp_ms - timestamp_ms[0]) / 1000 / speed).to_list()
    return due_s


class _Pace:
    """When each click is due, in seconds after the first; None: at once."""

    def __init__(self, due_s: Sequence[float] | None) -> None:
        self.most_behind_s = 0.0
        self._due_s = due_s
        self._started_s: float | None = None

    def wait_until_due(self, number: int, stop: Event) -> bool:
        """Return True when the click is due, False as soon as `stop` is set."""
        if self._started_s is None:
            self._started_s = time.monotonic()
        if self._due_s is None:
            return not stop.is_set()
        wait_s = self._started_s + self._due_s[number] - time.monotonic()
        self.most_behind_s = max(self.most_behind_s, -wait_s)
        return not (stop.wait(wait_s) if wait_s > 0 else stop.is_set())

    def elapsed_s(self) -> float:
        return 0.0 if self._started_s is None else time.monotonic() - self._started_s


class _Progress:
    def __init__(self, on_progress: Callable[[int, int], None] | None, total: int) -> None:
        self._on_progress = on_progress
        self._total = total
        self._shown_s = 0.0

    def show(self, sent: int, *, last: bool = False) -> None:
        now_s = time.monotonic()
        if self._on_progress is not None and (last or now_s - self._shown_s >= PROGRESS_INTERVAL_S):
            self._shown_s = now_s
            self._on_progress(sent, self._total)
