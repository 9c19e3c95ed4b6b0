"""Which records of a topic or of a recording are meant: by partition, offset and time."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from models.errors import DataError
from nextclick.recording.records import RecordedRecord


@dataclass(frozen=True)
class OffsetRange:
    """Offsets of a partition, the end left out; None where it is open."""

    start: int | None = None
    end: int | None = None

    def __contains__(self, offset: int) -> bool:
        return (self.start is None or offset >= self.start) and (self.end is None or offset < self.end)


@dataclass(frozen=True)
class Selection:
    """What is empty or None does not narrow it down.

    Attributes:
        partitions: Any of these.
        offsets: By partition; where there are any, other partitions are left out.
        since_ms: Records whose timestamp is then or later.
        until_ms: Records whose timestamp is before.
        limit: The first so many of all that.
    """

    partitions: frozenset[int] = frozenset()
    offsets: Mapping[int, OffsetRange] = field(default_factory=dict)
    since_ms: int | None = None
    until_ms: int | None = None
    limit: int | None = None

    def has_partition(self, partition: int) -> bool:
        """Return whether any record of the partition can be meant."""
        return (not self.partitions or partition in self.partitions) and (not self.offsets or partition in self.offsets)

    def matches(self, record: RecordedRecord) -> bool:
        """Return whether the record is meant, the limit aside."""
        return (
            self.has_partition(record.partition)
            and (not self.offsets or record.offset in self.offsets[record.partition])
            and (self.since_ms is None or record.timestamp_ms >= self.since_ms)
            and (self.until_ms is None or record.timestamp_ms < self.until_ms)
        )

    def of(self, records: Iterable[RecordedRecord]) -> Iterator[RecordedRecord]:
        """Yield the records that are meant."""
        left = self.limit
        for record in records:
            if left == 0:
                return
            if self.matches(record):
                left = None if left is None else left - 1
                yield record


def parse_offsets(texts: Iterable[str]) -> dict[int, OffsetRange]:
    """Return the ranges of `PARTITION:FROM-TO`; either offset may be left out, TO is the first one left out.

    Raises:
        DataError: If one is not written so, or ends before it begins, or a partition comes twice.
    """
    ranges: dict[int, OffsetRange] = {}
    for text in texts:
        partition, colon, offsets = text.partition(":")
        start, dash, end = offsets.partition("-")
        numbers = [partition, *(number for number in (start, end) if number)]
        if not (colon and dash and all(number.isascii() and number.isdigit() for number in numbers)):
            raise DataError(f"{text!r} is no range of offsets: write 3:100-200, 3:100- or 3:-200.")
        chosen = OffsetRange(int(start) if start else None, int(end) if end else None)
        if chosen.start is not None and chosen.end is not None and chosen.end < chosen.start:
            raise DataError(f"The offsets {text!r} end before they begin.")
        if int(partition) in ranges:
            raise DataError(f"Partition {partition} has two ranges of offsets: name one, or none for all of it.")
        ranges[int(partition)] = chosen
    return ranges
