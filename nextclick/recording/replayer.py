"""Recorded records into a topic: at their own pace, at a rate, or as fast as the broker takes them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Event

from models.errors import DataError, TopicError
from nextclick.exact_records import ExactName
from nextclick.record_sending import (
    Pace,
    RecordSender,
    RecordToSend,
    ReplayReport,
    ShownProgress,
    click_producer,
    require_topic,
)
from nextclick.recording.description import RecordingHead
from nextclick.recording.records import RecordedRecord
from workers.kafka_security import KafkaSecurity

PARTS = ("keys", "partitions", "headers", "timestamps")


@dataclass(frozen=True)
class Kept:
    """What a replayed record keeps of the original; its value it always does.

    Attributes:
        keys: Else null.
        partitions: The partition's number; else where the key says.
        headers: Else none.
        timestamps: Else the present; a topic's retention may delete what is old at once.
    """

    keys: bool = True
    partitions: bool = True
    headers: bool = True
    timestamps: bool = False


@dataclass(frozen=True)
class Tempo:
    """When records are sent: at once, unless one of these is given.

    Attributes:
        speed: Factor of the pace that their timestamps tell.
        per_second: A rate.
    """

    speed: float | None = None
    per_second: float | None = None


def parse_kept(text: str) -> Kept:
    """Return what `keys,partitions,headers,timestamps`, or some of them, or `nothing` says.

    Raises:
        DataError: If it names something else.
    """
    named = set() if text == "nothing" else {part.strip() for part in text.split(",")}
    if not named <= set(PARTS):
        raise DataError(f"{text!r}: a record can keep {', '.join(PARTS)}, or nothing.")
    return Kept(**{part: part in named for part in PARTS})


def replay_records(
    records: Iterable[RecordedRecord],
    source: RecordingHead,
    *,
    bootstrap_servers: str,
    topic: str,
    cluster_id: str | None,
    security: KafkaSecurity | None = None,
    kept: Kept = Kept(),
    tempo: Tempo = Tempo(),
    force: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
    total: int = 0,
    stop: Event | None = None,
) -> ReplayReport:
    """Send records in their order and wait for every acknowledgement.

    Args:
        records: In order; those of a partition stay so.
        source: Where they were.
        bootstrap_servers: `host:port`, several with commas between them.
        topic: Where to; it must be there.
        cluster_id: The name of the cluster that it is in.
        security: How the brokers are talked to; None: plainly.
        kept: What a record keeps.
        tempo: When each is sent.
        force: Into another number of partitions too, by key then; and into the topic that they came from.
        on_progress: Called about ten times a second, and at the end, with the records sent and `total`.
        total: How many there are, for the progress only.
        stop: Set it to end early, in order: what was sent is waited for.

    Raises:
        BrokerError: If no broker answers at the start.
        TopicError: If the topic is not there, or is refused unless forced.
    """
    partitions = require_topic(bootstrap_servers, topic, security)
    if not force:
        _require_other_topic(source, topic, cluster_id)
        _require_partitions(source, topic, partitions)
    sender = RecordSender(click_producer(bootstrap_servers, security), topic, stop or Event())
    pace, progress = Pace(), ShownProgress(on_progress, total)
    due = _Due(tempo)
    by_number = kept.partitions and partitions == source.partitions
    ended = True
    with sender.producer:
        for record in records:
            outgoing = _outgoing(record, kept, partitions, by_number=by_number)
            if not pace.wait_until(due.of(record), sender.stop) or not sender.send(outgoing):
                ended = False
                break
            progress.show(sender.sent)
        sender.producer.flush()
    progress.show(sender.sent, last=True)
    return sender.report(pace, stopped=not ended)


def _require_other_topic(source: RecordingHead, topic: str, cluster_id: str | None) -> None:
    """Return unless the records came from this very topic; a cluster that has no name may be any."""
    is_same_cluster = source.cluster_id is None or cluster_id is None or source.cluster_id == cluster_id
    if topic == source.topic and is_same_cluster:
        raise TopicError(
            f"The records came from {topic} of this cluster: every click would be there twice. "
            "Name another --topic, or --force it."
        )


def _require_partitions(source: RecordingHead, topic: str, partitions: int) -> None:
    if partitions != source.partitions:
        raise TopicError(
            f"{topic} has {partitions} partitions, {source.topic} had {source.partitions}: users would be on other "
            f"ones. Make it with --partitions {source.partitions}, or --force it: records go where their keys say then."
        )


def _outgoing(record: RecordedRecord, kept: Kept, partitions: int, *, by_number: bool) -> RecordToSend:
    key = record.key if kept.keys else None
    # Without a key the client would choose by chance.
    partition = record.partition % partitions if by_number or key is None else None
    headers = [(ExactName.of(name), value) for name, value in record.headers] if kept.headers else []
    return RecordToSend(key, record.value, partition, headers, record.timestamp_ms if kept.timestamps else None)


class _Due:
    """When each record is due, in seconds after the first; None: at once."""

    def __init__(self, tempo: Tempo) -> None:
        self._tempo = tempo
        self._number = -1
        self._first_ms: int | None = None
        self._newest_ms = 0

    def of(self, record: RecordedRecord) -> float | None:
        self._number += 1
        if self._tempo.per_second is not None:
            return self._number / self._tempo.per_second
        if self._tempo.speed is None:
            return None
        if self._first_ms is None:
            self._first_ms = self._newest_ms = record.timestamp_ms
        # A late record is due with the one before it, not in the past.
        self._newest_ms = max(self._newest_ms, record.timestamp_ms)
        return (self._newest_ms - self._first_ms) / 1000 / self._tempo.speed
