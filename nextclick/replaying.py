"""A click log played into the click topic, at its own pace, at a multiple of it, or as fast as the broker takes it."""

from collections.abc import Callable, Iterator, Sequence
from threading import Event

import msgspec
import polars as pl

from nextclick.record_sending import (
    Pace,
    RecordSender,
    RecordToSend,
    ReplayReport,
    ShownProgress,
    click_producer,
    require_topic,
)
from workers.kafka_security import KafkaSecurity


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
        clicks: Columns of `models.preparation.prepared_data.CLICK_SCHEMA`.
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
    due_s = due_s if due_s is not None else _due_by_event_time(ordered, speed)
    sender = RecordSender(click_producer(bootstrap_servers, security), topic, stop or Event())
    pace, progress = Pace(), ShownProgress(on_progress, ordered.height)
    encode = msgspec.json.Encoder().encode
    with sender.producer:
        for number, message in enumerate(click_messages(ordered, dataset)):
            if not pace.wait_until(None if due_s is None else due_s[number], sender.stop):
                break
            if on_send is not None:
                on_send(number)
            if not sender.send(RecordToSend(message.user_id.encode(), encode(message))):
                break
            progress.show(sender.sent)
        sender.producer.flush()
    progress.show(sender.sent, last=True)
    return sender.report(pace, stopped=sender.sent < ordered.height)


def click_messages(clicks: pl.DataFrame, dataset: str) -> Iterator[ClickMessage]:
    """Yield each row's message, its event id made of the data set's name and the row's number."""
    columns = ("user_id", "item_id", "timestamp_ms", "session_id", "event_type", "value")
    for row, (user_id, item_id, timestamp_ms, session_id, event_type, value) in enumerate(
        clicks.select(columns).iter_rows()
    ):
        yield ClickMessage(user_id, item_id, timestamp_ms, f"{dataset}-{row}", session_id, event_type, value)


def _due_by_event_time(ordered: pl.DataFrame, speed: float | None) -> Sequence[float] | None:
    """Return when each click is due: as far from the first one as its event time says, divided by the speed."""
    if speed is None or ordered.is_empty():
        return None
    timestamp_ms = ordered["timestamp_ms"]
    due_s: list[float] = ((timestamp_ms - timestamp_ms[0]) / 1000 / speed).to_list()
    return due_s
