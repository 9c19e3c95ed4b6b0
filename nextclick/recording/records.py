"""A record as a recording keeps it, and the checksums by which a reader knows that nothing of it was lost."""

import struct
import zlib
from typing import Literal, NamedTuple

from workers.events import ClickRecord, Headers

# A header's name should be UTF-8, and no broker checks it: bytes.
RecordedHeaders = tuple[tuple[bytes, bytes | None], ...]
TimestampType = Literal["create", "append"]
# By Kafka's numbers: the producer's time, or the broker's.
TIMESTAMP_TYPES: tuple[TimestampType, TimestampType] = ("create", "append")

_PLACE = struct.Struct(">iqqqB")
_LENGTH = struct.Struct(">i")
_NO_OFFSET = -1


class RecordedRecord(NamedTuple):
    """A record of a topic, with nothing left out.

    Attributes:
        partition: Where it was.
        offset: Where it was in the partition.
        previous_offset: Offset of the record before it in its partition, of those that were recorded; None for the
            first. A topic has holes of its own (compaction, transactions), so a jump alone does not tell of a loss.
        timestamp_ms: Milliseconds since 1970.
        timestamp_type: Whose clock that was.
        key: Its bytes, None for null; value and the headers' values likewise.
        headers: In their order; a name may come more than once.
    """

    partition: int
    offset: int
    previous_offset: int | None
    timestamp_ms: int
    timestamp_type: TimestampType
    key: bytes | None
    value: bytes | None
    headers: RecordedHeaders = ()

    def to_click_record(self, topic: str) -> ClickRecord:
        """Return the record as a worker fetches it, a header's name that is no UTF-8 escaped as the worker does."""
        headers: Headers = ()
        if self.headers:
            headers = tuple((name.decode(errors="backslashreplace"), value) for name, value in self.headers)
        return ClickRecord(topic, self.partition, self.offset, self.timestamp_ms, self.key, self.value, headers)


def canonical_bytes(record: RecordedRecord) -> bytes:
    """Return the bytes that checksums are made of: all fields, lengths in front, the same in every kind of file."""
    partition, offset, previous, timestamp_ms, timestamp_type, key, value, headers = record
    place = _PLACE.pack(
        partition, offset, _NO_OFFSET if previous is None else previous, timestamp_ms, timestamp_type == "append"
    )
    parts = [place, *_sized(key), *_sized(value)]
    for name, content in headers:
        parts += (*_sized(name), *_sized(content))
    return b"".join(parts)


def crc32(canonical: bytes) -> int:
    """Return a record's own checksum."""
    return zlib.crc32(canonical)


def _sized(content: bytes | None) -> tuple[bytes, bytes]:
    return (_LENGTH.pack(-1), b"") if content is None else (_LENGTH.pack(len(content)), content)
