"""One click by hand: sent, and its list waited for."""

import time
import uuid
from dataclasses import dataclass

import msgspec
from kafka.errors import KafkaError

from models.errors import BrokerError
from nextclick.published_lists import PublishedList, decode_list
from nextclick.record_sending import DELIVERY_TIMEOUT_MS, click_producer, require_topic
from nextclick.replaying import ClickMessage
from nextclick.topic_reading import TopicReader
from workers.kafka_admin import first_sentence
from workers.settings import Settings


@dataclass(frozen=True)
class ClickAnswer:
    """A click, where it went, and the list that came back.

    Attributes:
        click: What was sent.
        partition: The click topic's partition that it went to.
        offset: Its offset there.
        list: The list that answers it.
        latency_ms: From sending the click to having read its list, the wait for the acknowledgement included.
    """

    click: ClickMessage
    partition: int
    offset: int
    list: PublishedList
    latency_ms: float


def click_and_wait(
    settings: Settings,
    *,
    user_id: str,
    item_id: str,
    session_id: str | None = None,
    consent: bool | None = None,
    timeout_s: float,
) -> ClickAnswer:
    """Send a click of this moment and wait for the list with its event id.

    Raises:
        BrokerError: If no broker answers, the click is not acknowledged, or no list comes in time.
        TopicError: If a topic is not there.
    """
    click = ClickMessage(
        user_id=user_id,
        item_id=item_id,
        timestamp_ms=time.time_ns() // 1_000_000,
        event_id=uuid.uuid4().hex,
        session_id=session_id,
        consent=consent,
    )
    require_topic(settings.bootstrap_servers, settings.clicks_topic, settings.kafka_security)
    with TopicReader(settings.bootstrap_servers, settings.recommendations_topic, settings.kafka_security) as reader:
        # The end before the click is sent: a fast worker's list must not be missed.
        reader.seek_to_end()
        started_s = time.monotonic()
        partition, offset = _send(settings, click)
        answer = _wait_for_list(reader, click, started_s + timeout_s)
        latency_ms = (time.monotonic() - started_s) * 1000
    if answer is None:
        raise BrokerError(
            f"The click is at {settings.clicks_topic}/{partition} offset {offset}, but no list came within "
            f"{timeout_s:g} s. Is a worker running (`nextclick worker`) that reads {settings.clicks_topic}? "
            f"If it is, it may be behind, or the click may be in {settings.dead_letter_topic}."
        )
    return ClickAnswer(click, partition, offset, answer, latency_ms)


def _send(settings: Settings, click: ClickMessage) -> tuple[int, int]:
    producer = click_producer(settings.bootstrap_servers, settings.kafka_security, linger_ms=0)
    with producer:
        try:
            future = producer.send(settings.clicks_topic, msgspec.json.encode(click), key=click.user_id.encode())
            metadata = future.get(DELIVERY_TIMEOUT_MS / 1000)
        except KafkaError as error:
            raise BrokerError(f"The broker did not take the click: {first_sentence(error)}.") from error
    return metadata.partition, metadata.offset


def _wait_for_list(reader: TopicReader, click: ClickMessage, deadline_s: float) -> PublishedList | None:
    while time.monotonic() < deadline_s:
        for record in reader.poll():
            # Other lists may be of any shape: only this user's are looked into.
            if record.key == click.user_id.encode() and (published := decode_list(record)).event_id == click.event_id:
                return published
    return None
