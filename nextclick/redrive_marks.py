"""Which dead letters were sent again: a compacted topic beside the dead letters, one mark a record.

    clicks.dead-letter.redriven    a record's identity, clicks/3/4711/9f86d081884c7d65  ->  when, and from which letter
                                   unfinished                                           ->  a run that has begun

A mark outlives the letter, in some hundred bytes. Delete the topic together with the dead letters.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
from kafka.errors import TopicAlreadyExistsError

from models.errors import TopicError
from nextclick.dead_letters import REDRIVEN_FROM_HEADER, DeadLetter, Place, parse_place, record_identity
from nextclick.topic_reading import ConsumerRecord, TopicReader
from workers.events import OutgoingRecord
from workers.kafka_admin import connected_admin, described_topics
from workers.settings import Settings

UNFINISHED = b"unfinished"


class Mark(msgspec.Struct, frozen=True):
    """That a record was sent again."""

    letter: str | None
    to_topic: str
    redriven_at_ms: int


class Unfinished(msgspec.Struct, frozen=True):
    """That a run without transactions has begun and not come to its end."""

    topics: tuple[str, ...]
    since_ms: int


@dataclass(frozen=True)
class Marks:
    """What the topic of marks holds.

    Attributes:
        redriven: Identities of the records that were sent again.
        unfinished: A run that was killed without transactions: what it sent may lack its mark.
    """

    redriven: frozenset[str] = frozenset()
    unfinished: Unfinished | None = None


def marks_topic(settings: Settings) -> str:
    """Return the name of the topic of marks."""
    return f"{settings.dead_letter_topic}.redriven"


def read_marks(settings: Settings) -> Marks:
    """Return every committed mark; none where the topic is not there.

    Raises:
        BrokerError: If no broker answers.
        TopicError: If something else writes to the topic.
    """
    topic = marks_topic(settings)
    with connected_admin(settings.bootstrap_servers, security=settings.kafka_security) as admin:
        if not described_topics(admin, [topic]):
            return Marks()
    newest: dict[bytes, bytes | None] = {}
    with TopicReader(settings.bootstrap_servers, topic, settings.kafka_security, read_committed=True) as reader:
        for record in reader.read_to_end():
            if record.key is None:
                raise TopicError(f"{topic} offset {record.offset} has no key: does something else write to this topic?")
            newest[record.key] = record.value
    unfinished = newest.pop(UNFINISHED, None)
    redriven = frozenset(key.decode() for key, value in newest.items() if value is not None)
    return Marks(redriven, None if unfinished is None else msgspec.json.decode(unfinished, type=Unfinished))


def make_marks_topic(settings: Settings) -> None:
    """Create the topic of marks where it is missing: compacted, with as many replicas as the dead letters have.

    Raises:
        BrokerError: If no broker answers, or it refuses.
    """
    topic = marks_topic(settings)
    with connected_admin(settings.bootstrap_servers, security=settings.kafka_security) as admin:
        found = described_topics(admin, [topic, settings.dead_letter_topic])
        if topic in found:
            return
        replicas = found[settings.dead_letter_topic].replication_factor if found else 1
        wanted = {"num_partitions": 1, "replication_factor": replicas, "configs": {"cleanup.policy": "compact"}}
        try:
            admin.create_topics({topic: wanted})
        except TopicAlreadyExistsError:
            return
        admin.wait_for_topics([topic])


def redriven_click(letter: DeadLetter, topic: str) -> OutgoingRecord:
    """Return the record as it first came, with a header that says where it was, for the same partition number."""
    origin = (REDRIVEN_FROM_HEADER, str(letter.source).encode())
    return OutgoingRecord(topic, letter.source.partition, letter.key, letter.value, (*letter.headers, origin))


def mark_record(settings: Settings, identity: str, letter: Place | None, to_topic: str, now_ms: int) -> OutgoingRecord:
    """Return the record that marks a record as sent again; the letter is None where only its click was found."""
    mark = Mark(None if letter is None else str(letter), to_topic, now_ms)
    return OutgoingRecord(marks_topic(settings), 0, identity.encode(), msgspec.json.encode(mark))


def unfinished_record(settings: Settings, unfinished: Unfinished | None) -> OutgoingRecord:
    """Return the record that says that a run has begun, or, of None, that it came to its end."""
    value = None if unfinished is None else msgspec.json.encode(unfinished)
    return OutgoingRecord(marks_topic(settings), 0, UNFINISHED, value)


def redriven_identities(settings: Settings, topics: Sequence[str]) -> frozenset[str]:
    """Return the identities of the records that click topics hold as sent again; reads all of each topic.

    Raises:
        BrokerError: If no broker answers.
        TopicError: If a topic is not there.
    """
    found: set[str] = set()
    for topic in topics:
        with TopicReader(settings.bootstrap_servers, topic, settings.kafka_security, read_committed=True) as reader:
            found.update(_identities(reader.read_to_end()))
    return frozenset(found)


def _identities(records: Iterable[ConsumerRecord]) -> Iterable[str]:
    for record in records:
        names = [name for name, _ in record.headers]
        if REDRIVEN_FROM_HEADER not in names:
            continue
        last = len(names) - 1 - names[::-1].index(REDRIVEN_FROM_HEADER)
        source = parse_place((record.headers[last][1] or b"").decode(errors="replace"))
        # Any producer can write a header of this name: one that is no place is none of ours.
        if source is not None:
            yield record_identity(source, record.key, record.value, tuple(record.headers[:last]))
