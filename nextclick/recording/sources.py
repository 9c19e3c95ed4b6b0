"""Where replayed and simulated records come from: a recording, or a topic up to its present end."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nextclick.recording.description import FORMAT_VERSION, RecordingHead
from nextclick.recording.files import Recording, open_recording, read_whole
from nextclick.recording.records import RecordedRecord
from nextclick.recording.selection import Selection
from nextclick.recording.topic_source import TopicSource
from workers.kafka_security import KafkaSecurity


@dataclass(frozen=True)
class SourceRecords:
    """Records, and what they are of.

    Attributes:
        head: As a recording's.
        records: In order, once.
        total: How many there are before any is left out; 0 where nobody knows.
    """

    head: RecordingHead
    records: Iterable[RecordedRecord]
    total: int


def recorded_records(path: Path, selection: Selection) -> SourceRecords:
    """Return a recording's records; it has been read to its end then, and is whole.

    Raises:
        RecordingError: If it is not.
    """
    totals = read_whole(path)
    recording = open_recording(path)
    return SourceRecords(recording.head, selection.of(all_records(recording)), totals.records)


@contextmanager
def topic_records(
    bootstrap_servers: str, topic: str, selection: Selection, cluster_id: str | None, security: KafkaSecurity | None
) -> Iterator[SourceRecords]:
    """Yield a topic's records up to its present end.

    Raises:
        BrokerError: If no broker answers.
        TopicError: If the topic or an offset is not there.
    """
    with TopicSource(bootstrap_servers, topic, security) as source:
        now_ms = time.time_ns() // 1_000_000
        head = RecordingHead(FORMAT_VERSION, topic, source.partition_count, cluster_id, now_ms)
        yield SourceRecords(head, source.records(selection), 0)


def all_records(recording: Recording) -> Iterator[RecordedRecord]:
    """Yield a recording's records, checked.

    Raises:
        RecordingError: If one is not what was written, or some are missing.
    """
    for chunk in recording.chunks():
        yield from chunk
