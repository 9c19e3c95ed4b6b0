"""Dead letters for tests: as a worker writes them, and as a reader finds them."""

from typing import NamedTuple

from kafka.consumer.fetcher import ConsumerRecord

from nextclick.dead_letters import DeadLetter, Place, parse_dead_letter
from tests.click_records import click_value
from workers.events import ClickRecord, Headers, OutgoingRecord, Rejection, RejectionReason
from workers.messages import dead_letter_record

NOON_MS = 1_700_000_000_000


class Rejected(NamedTuple):
    """A record that was rejected, and why."""

    record: ClickRecord
    reason: RejectionReason = RejectionReason.ID_TOO_LONG
    detail: str = "user_id has 600 bytes, the limit is 512"


def make_rejected(
    value: bytes | None = click_value(),
    *,
    key: bytes | None = b"ann",
    topic: str = "clicks",
    partition: int = 3,
    offset: int = 17,
    headers: Headers = (),
    reason: RejectionReason = RejectionReason.ID_TOO_LONG,
) -> Rejected:
    """Make a rejected record of the click topic."""
    return Rejected(ClickRecord(topic, partition, offset, NOON_MS, key, value, headers), reason)


def letter_record(rejected: Rejected, topic: str = "clicks.dead-letter", partitions: int = 1) -> OutgoingRecord:
    """Return the dead letter that a worker writes."""
    rejection = Rejection(rejected.record, rejected.reason, rejected.detail)
    return dead_letter_record(rejection, topic=topic, partitions=partitions)


def read_record(record: OutgoingRecord, *, offset: int = 0, timestamp_ms: int = NOON_MS) -> ConsumerRecord:
    """Return a record as a consumer gets it."""
    return ConsumerRecord(
        topic=record.topic,
        partition=record.partition,
        leader_epoch=0,
        offset=offset,
        timestamp=timestamp_ms,
        timestamp_type=0,
        key=record.key,
        value=record.value,
        headers=list(record.headers),
        checksum=None,
        serialized_key_size=-1,
        serialized_value_size=-1,
        serialized_header_size=-1,
    )


def make_letter(
    rejected: Rejected | None = None, *, partition: int = 0, offset: int = 0, timestamp_ms: int = NOON_MS
) -> DeadLetter:
    """Return a letter as a reader finds it, at a place of the test's choice."""
    read = read_record(letter_record(rejected or make_rejected()), offset=offset, timestamp_ms=timestamp_ms)
    letter = parse_dead_letter(read._replace(partition=partition))
    assert letter is not None
    assert letter.place == Place("clicks.dead-letter", partition, offset)
    return letter
