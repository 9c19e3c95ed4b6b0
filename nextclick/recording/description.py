"""What a recording says of itself: a head when it begins, totals when it is whole."""

import hashlib

import msgspec

from models.errors import RecordingError
from nextclick.recording.records import RecordedRecord, canonical_bytes, crc32

FORMAT_VERSION = 1


class RecordingHead(msgspec.Struct, frozen=True):
    """What is known when a recording begins.

    Attributes:
        nextclick_recording: Version of the format.
        topic: What was recorded.
        partitions: How many the topic had, recorded or not.
        cluster_id: The cluster's name for itself, where it has one.
        recorded_at_ms: The wall clock when the recording began.
    """

    nextclick_recording: int
    topic: str
    partitions: int
    cluster_id: str | None
    recorded_at_ms: int


class PartitionRange(msgspec.Struct, frozen=True):
    """What was recorded of a partition; offsets are those of its first and last record."""

    partition: int
    records: int
    first_offset: int
    last_offset: int


class RecordingTotals(msgspec.Struct, frozen=True):
    """What is known when a recording is whole.

    Attributes:
        records: How many.
        digest: SHA-256 over all records in their order, the same in every kind of file: the recording's identity.
        first_timestamp_ms: The least of all; None where there are no records.
        last_timestamp_ms: The greatest.
        ranges: By partition; those without records are left out.
    """

    records: int
    digest: str
    first_timestamp_ms: int | None
    last_timestamp_ms: int | None
    ranges: tuple[PartitionRange, ...]


class RunningTotals:
    """Totals that grow with each record."""

    def __init__(self) -> None:
        self.records = 0
        self.last_offsets: dict[int, int] = {}
        self._counts: dict[int, int] = {}
        self._first_offsets: dict[int, int] = {}
        self._first_ms: int | None = None
        self._last_ms: int | None = None
        self._digest = hashlib.sha256()

    def add(self, record: RecordedRecord) -> int:
        """Count a record; return its own checksum."""
        canonical = canonical_bytes(record)
        self._digest.update(canonical)
        partition, offset, _, time_ms, *_ = record
        self.records += 1
        if partition not in self.last_offsets:
            self._first_offsets[partition] = offset
            self._counts[partition] = 0
        self.last_offsets[partition] = offset
        self._counts[partition] += 1
        if self._first_ms is None or time_ms < self._first_ms:
            self._first_ms = time_ms
        if self._last_ms is None or time_ms > self._last_ms:
            self._last_ms = time_ms
        return crc32(canonical)

    def totals(self) -> RecordingTotals:
        """Return what has been counted so far."""
        ranges = (
            PartitionRange(partition, self._counts[partition], self._first_offsets[partition], last_offset)
            for partition, last_offset in sorted(self.last_offsets.items())
        )
        return RecordingTotals(self.records, self._digest.hexdigest(), self._first_ms, self._last_ms, tuple(ranges))


class RecordChecker:
    """Holds what is read from a file against what was written, record by record and at the end.

    Args:
        source: The file, named in every error.
    """

    def __init__(self, source: object) -> None:
        self._source = source
        self._running = RunningTotals()

    @property
    def records(self) -> int:
        """How many were read and found good."""
        return self._running.records

    def check(self, record: RecordedRecord, checksum: int) -> None:
        """Return if the record is what was written, and follows the one before it.

        Raises:
            RecordingError: If it is not; the record is named by its number, the first one is 1.
        """
        newest = self._running.last_offsets.get(record.partition)
        is_whole = self._running.add(record) == checksum
        if is_whole and record.previous_offset == newest and (newest is None or record.offset > newest):
            return
        number = self._running.records
        where = f"{self._source}, record {number} (partition {record.partition}, offset {record.offset})"
        if not is_whole:
            raise RecordingError(f"{where}: its checksum is wrong, the record was changed or damaged after recording.")
        if newest is not None and record.offset <= newest:
            raise RecordingError(f"{where}: out of order, offset {newest} of this partition came before it.")
        raise RecordingError(
            f"{where}: there is a gap. It was recorded behind {_offset(record.previous_offset)}, "
            f"and {_offset(newest)} comes before it here: records in between are missing."
        )

    def check_end(self, totals: RecordingTotals | None) -> RecordingTotals:
        """Return the totals, which must be those of the records read.

        Raises:
            RecordingError: If there are none, or others.
        """
        found = self._running.totals()
        if totals is None:
            raise cut_short(self._source, found.records)
        if totals.records != found.records:
            raise RecordingError(
                f"{self._source} is cut short: it holds {found.records:,} records and should hold {totals.records:,}. "
                f"Record {found.records + 1:,} is missing: record it again."
            )
        if totals != found:
            raise RecordingError(
                f"{self._source}: after record {found.records} the checksum of the whole is wrong: records of "
                "different partitions changed places, or the end was changed. Record it again."
            )
        return totals


def cut_short(source: object, records: int) -> RecordingError:
    """Return the error of a file that ends before its recording did."""
    return RecordingError(
        f"{source} is cut short: it ends after record {records:,} and does not say that it is whole. "
        "Copy it again, or record it again."
    )


def require_version(source: object, version: object) -> None:
    """Return if this is a version that can be read.

    Raises:
        RecordingError: If it is not.
    """
    if version != FORMAT_VERSION:
        raise RecordingError(
            f"{source} is a recording of format {version!r}, this nextclick reads format {FORMAT_VERSION}: "
            "use the nextclick that wrote it, or record it again."
        )


def _offset(offset: int | None) -> str:
    return "no record" if offset is None else f"offset {offset}"
