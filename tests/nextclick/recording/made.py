"""Recordings for tests."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random

from nextclick.recording.description import RecordingHead, RecordingTotals
from nextclick.recording.files import open_recording, recording_writer
from nextclick.recording.records import RecordedHeaders, RecordedRecord
from tests.click_records import click_value
from tests.click_tables import MAY_2024_MS

# What a topic may hold beside plain clicks: null, empty and binary, headers twice and without a value.
ODD = (
    (None, None, ()),
    (b"", b"", ((b"", b""),)),
    (b"\xff\x00", b"\x80\n", ((b"h", None), (b"h", b"\xfe"), (b"\xff", b"1"), (b"a", b"2"), (b"h", None))),
    ("jürgen".encode(), '{"a": "ü\\n"}'.encode(), ((b"trace", b"1"),)),
)


def make_head(**fields: object) -> RecordingHead:
    """Make the head of a recording of `clicks`, four partitions."""
    made = {"topic": "clicks", "partitions": 4, "cluster_id": "here", "recorded_at_ms": MAY_2024_MS + 86_400_000}
    return RecordingHead(nextclick_recording=1, **{**made, **fields})  # type: ignore[arg-type]


def make_recorded(
    partition: int = 0,
    offset: int = 0,
    previous_offset: int | None = None,
    *,
    timestamp_ms: int = MAY_2024_MS,
    key: bytes | None = b"ann",
    value: bytes | None = click_value(),
    headers: RecordedHeaders = (),
) -> RecordedRecord:
    """Make one record."""
    return RecordedRecord(partition, offset, previous_offset, timestamp_ms, "create", key, value, headers)


def make_records(count: int = 12, partitions: int = 2) -> list[RecordedRecord]:
    """Make records of partitions that take turns, a second apart, the odd ones first, offsets with holes."""
    random = Random(5)
    records: list[RecordedRecord] = []
    newest: dict[int, int] = {}
    for number in range(count):
        partition = number % partitions
        offset = newest.get(partition, 99) + random.choice([1, 1, 3])
        user = f"user-{number % 5}"
        key, value, headers = (
            ODD[number]
            if number < len(ODD)
            else (user.encode(), click_value(user, timestamp_ms=MAY_2024_MS + number * 1_000), ())
        )
        records.append(
            make_recorded(
                partition,
                offset,
                newest.get(partition),
                timestamp_ms=MAY_2024_MS + number * 1_000,
                key=key,
                value=value,
                headers=headers,
            )
        )
        newest[partition] = offset
    return records


def write_recording(
    path: Path, records: Iterable[RecordedRecord], head: RecordingHead | None = None
) -> RecordingTotals:
    """Write a recording."""
    with recording_writer(path, head or make_head()) as writer:
        writer.write(list(records))
        return writer.finish()


def read_recording(path: Path) -> list[RecordedRecord]:
    """Read one."""
    return [record for chunk in open_recording(path).chunks() for record in chunk]


def links(records: Sequence[RecordedRecord]) -> list[RecordedRecord]:
    """Return the records, each told of the one before it in its partition."""
    newest: dict[int, int] = {}
    linked = []
    for record in records:
        linked.append(record._replace(previous_offset=newest.get(record.partition)))
        newest[record.partition] = record.offset
    return linked
