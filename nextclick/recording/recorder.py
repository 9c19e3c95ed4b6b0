"""A topic, or a part of it, into a file."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from threading import Event

from nextclick.recording.description import FORMAT_VERSION, RecordingHead, RecordingTotals
from nextclick.recording.files import recording_writer
from nextclick.recording.records import RecordedRecord
from nextclick.recording.selection import Selection
from nextclick.recording.topic_source import TopicSource
from workers.kafka_admin import connected_admin
from workers.kafka_security import KafkaSecurity

CHUNK_RECORDS = 4_096


@dataclass(frozen=True)
class RecordReport:
    """A finished recording.

    Attributes:
        head: What it is of.
        totals: What it holds.
        file_bytes: How large it is.
        elapsed_s: How long it took.
    """

    head: RecordingHead
    totals: RecordingTotals
    file_bytes: int
    elapsed_s: float


def record_topic(
    path: Path,
    *,
    bootstrap_servers: str,
    topic: str,
    selection: Selection,
    security: KafkaSecurity | None = None,
    on_progress: Callable[[int], None] = lambda _records: None,
    stop: Event | None = None,
) -> RecordReport | None:
    """Record a topic up to its present end.

    Args:
        path: The file; its suffix says its kind.
        bootstrap_servers: `host:port`, several with commas between them.
        topic: What is recorded.
        selection: Which of its records.
        security: How the brokers are talked to; None: plainly.
        on_progress: Called now and then with the records written so far.
        stop: Set it to end early: there is no file then.

    Returns:
        What was recorded; None where it was stopped.

    Raises:
        BrokerError: If no broker answers, or it stops answering.
        RecordingError: If the file cannot be written, or is there already.
        TopicError: If the topic or an offset is not there.
    """
    started_s = time.monotonic()
    cluster = cluster_id(bootstrap_servers, security)
    with TopicSource(bootstrap_servers, topic, security) as source:
        head = RecordingHead(FORMAT_VERSION, topic, source.partition_count, cluster, time.time_ns() // 1_000_000)
        with recording_writer(path, head) as writer:
            written = 0
            for chunk in _chunks(source.records(selection)):
                if stop is not None and stop.is_set():
                    return None
                writer.write(chunk)
                written += len(chunk)
                on_progress(written)
            totals = writer.finish()
    return RecordReport(head, totals, path.stat().st_size, time.monotonic() - started_s)


def cluster_id(bootstrap_servers: str, security: KafkaSecurity | None) -> str | None:
    """Return the cluster's name for itself, where it has one.

    Raises:
        BrokerError: If no broker answers.
    """
    with connected_admin(bootstrap_servers, security=security) as admin:
        name: str | None = admin.describe_cluster().get("cluster_id")
        return name or None


def _chunks(records: Iterator[RecordedRecord]) -> Iterator[list[RecordedRecord]]:
    while chunk := list(islice(records, CHUNK_RECORDS)):
        yield chunk
