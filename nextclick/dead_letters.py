"""Dead letters: the records that a worker set aside, read back with the reason and the place that they came from.

Most are records of the click topic; those of the reason `unreadable_state` are states (`workers/unreadable_states.py`).
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from models.errors import TopicError
from nextclick.topic_reading import ConsumerRecord, TopicReader
from workers.events import Headers
from workers.messages import HEADER_PREFIX
from workers.settings import Settings
from workers.unreadable_states import UNREADABLE_STATE

REASON_HEADER = HEADER_PREFIX + "reason"
DETAIL_HEADER = HEADER_PREFIX + "detail"
SOURCE_HEADERS = tuple(HEADER_PREFIX + name for name in ("source.topic", "source.partition", "source.offset"))
# On a click that was sent again: where it was before. Of a click sent again twice there are two, oldest first.
REDRIVEN_FROM_HEADER = HEADER_PREFIX + "redriven_from"
DIGEST_CHARACTERS = 16
# An offset has 8 bytes; Python refuses to read numbers of thousands of digits.
_MOST_DIGITS = 20


class Place(NamedTuple):
    """Where a record is; the offset of a user's state is not known."""

    topic: str
    partition: int
    offset: int | None

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{'?' if self.offset is None else self.offset}"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that could not be used as a click, or a state that did not decode.

    Attributes:
        place: Where the letter is, in the dead-letter topic.
        timestamp_ms: When the worker wrote it.
        key: The record's, untouched; value and headers likewise.
        reason: Why it was rejected.
        detail: The same in a sentence; may quote the record.
        source: Where the record was when it was rejected.
    """

    place: Place
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    reason: str
    detail: str
    source: Place

    @property
    def former_places(self) -> tuple[str, ...]:
        """Where the record was before it was sent again, oldest first; empty for one that never was."""
        return tuple(
            (value or b"").decode(errors="replace") for name, value in self.headers if name == REDRIVEN_FROM_HEADER
        )

    @property
    def identity(self) -> str:
        """What two letters of one record have in common: the record's place, and a digest of what it holds.

        A worker that is killed before it commits writes its dead letters again, so a record can have several. The
        digest tells a record from another one at the same place of a click topic that was deleted and made anew.
        """
        return record_identity(self.source, self.key, self.value, self.headers)


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Which letters are meant; what is empty or None does not narrow them down.

    Attributes:
        reasons: Any of these.
        partitions: Of the dead-letter topic, any of these.
        records: Partition and offset in the dead-letter topic, any of these.
        since_ms: Written then or later.
        until_ms: Written before.
    """

    reasons: frozenset[str] = frozenset()
    partitions: frozenset[int] = frozenset()
    records: frozenset[tuple[int, int | None]] = frozenset()
    since_ms: int | None = None
    until_ms: int | None = None

    def matches(self, letter: DeadLetter) -> bool:
        """Return whether this letter is meant."""
        return (
            (not self.reasons or letter.reason in self.reasons)
            and (not self.partitions or letter.place.partition in self.partitions)
            and (not self.records or (letter.place.partition, letter.place.offset) in self.records)
            and (self.since_ms is None or letter.timestamp_ms >= self.since_ms)
            and (self.until_ms is None or letter.timestamp_ms < self.until_ms)
        )


def read_dead_letters(settings: Settings) -> Generator[DeadLetter | None]:
    """Yield every record of the dead-letter topic up to its present end, None for one that is no dead letter.

    Raises:
        BrokerError: If no broker answers.
        TopicError: If the topic is not there.
    """
    with TopicReader(settings.bootstrap_servers, settings.dead_letter_topic, settings.kafka_security) as reader:
        for record in reader.read_to_end():
            yield parse_dead_letter(record)


def read_dead_letter(settings: Settings, partition: int, offset: int) -> DeadLetter:
    """Return one letter.

    Raises:
        BrokerError: If no broker answers.
        TopicError: If there is no record at this place, or it is no dead letter.
    """
    place = Place(settings.dead_letter_topic, partition, offset)
    with TopicReader(settings.bootstrap_servers, settings.dead_letter_topic, settings.kafka_security) as reader:
        record = reader.read_at(partition, offset)
    if record is None:
        raise TopicError(f"There is no record at {place}: `nextclick dead-letters list` names those that there are.")
    letter = parse_dead_letter(record)
    if letter is None:
        raise TopicError(f"The record at {place} is no dead letter of a worker: who wrote it?")
    return letter


def parse_place(text: str) -> Place | None:
    """Return the place that `topic/partition/offset` names, or None where the text names none."""
    topic, _, rest = text.partition("/")
    partition, _, offset = rest.partition("/")
    if not (topic and _is_number(partition) and _is_number(offset)):
        return None
    return Place(topic, int(partition), int(offset))


def parse_dead_letter(record: ConsumerRecord) -> DeadLetter | None:
    """Return a record's letter, or None for one that no worker wrote.

    A worker appends its headers to the record's own. A record that was rejected before, or a producer who makes fun
    of us, has headers of the same names in front: the last ones count, the others belong to the record.
    """
    names = [name for name, _ in record.headers]
    if REASON_HEADER not in names:
        return None
    first = len(names) - 1 - names[::-1].index(REASON_HEADER)
    ours = {name: (value or b"").decode(errors="replace") for name, value in record.headers[first:]}
    source = _source(ours)
    if source is None:
        return None
    return DeadLetter(
        place=Place(record.topic, record.partition, record.offset),
        timestamp_ms=record.timestamp,
        key=record.key,
        value=record.value,
        headers=tuple(record.headers[:first]),
        reason=ours[REASON_HEADER],
        detail=ours.get(DETAIL_HEADER, ""),
        source=source,
    )


def _source(headers: Mapping[str, str]) -> Place | None:
    """Return the place that a worker's headers name."""
    topic, partition, offset = (headers.get(name) for name in SOURCE_HEADERS)
    if offset is None and headers[REASON_HEADER] == UNREADABLE_STATE:
        place = parse_place(f"{topic or ''}/{partition or ''}/0")
        return None if place is None else place._replace(offset=None)
    return parse_place("/".join(part or "" for part in (topic, partition, offset)))


def record_identity(source: Place, key: bytes | None, value: bytes | None, headers: Headers) -> str:
    """Return a record's identity: `topic/partition/offset/digest`; see `DeadLetter.identity`."""
    digest = sha256()
    for part in (key, value, *(part for name, content in headers for part in (name.encode(), content))):
        # Lengths in front, so that no two records are the same bytes one behind the other.
        digest.update(b"-" if part is None else b"%d:" % len(part) + part)
    return f"{source}/{digest.hexdigest()[:DIGEST_CHARACTERS]}"


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < _MOST_DIGITS
