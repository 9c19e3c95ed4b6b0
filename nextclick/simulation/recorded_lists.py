"""A recorded output topic: which snapshot each click was ranked with, and whether a list is the one that was published.

A click whose list was published twice, by whoever processed it again after a crash, has two lists of different
snapshots; the first one counts: within a source partition first lists never go back to an older snapshot.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from hashlib import blake2b
from itertools import accumulate

import msgspec

from models.counts.counts_fold import Snapshot
from models.errors import RecordingError
from nextclick.published_lists import ClickSource, ListCounts
from nextclick.recording.files import Recording
from nextclick.recording.records import RecordedRecord
from nextclick.recording.sources import all_records

# As the offset of a snapshot: before the first one.
NO_SNAPSHOT = -1


class _List(msgspec.Struct, frozen=True):
    """What of a list is read: the rest is in its digest."""

    source: ClickSource
    counts: ListCounts | None = None


class _Lists:
    """The first lists of a source partition's clicks, 24 bytes each, in the order of their clicks."""

    def __init__(self) -> None:
        self.offsets = array("q")  # of the clicks
        self.snapshots = array("q")  # offsets of the counts topic
        self.digests = array("Q")

    def add(self, offset: int, snapshot: int, digest: int) -> bool:
        """Keep a list; return False where its click has one already."""
        place = len(self.offsets)
        # They come in order but for those of a worker that was taken for dead.
        if place and offset <= self.offsets[-1]:
            place = bisect_left(self.offsets, offset)
            if self.offsets[place] == offset:
                return False
        self.offsets.insert(place, offset)
        self.snapshots.insert(place, snapshot)
        self.digests.insert(place, digest)
        return True

    def digest_of(self, offset: int) -> int | None:
        """Return the digest of a click's list; None where it has none."""
        place = bisect_left(self.offsets, offset)
        return self.digests[place] if place < len(self.offsets) and self.offsets[place] == offset else None


class RecordedLists:
    """What lists were made of which clicks, by source partition.

    Args:
        recording: Of the output topic.
        source_topic: Lists of another topic's clicks are left out.

    Attributes:
        lists: How many clicks have one.
        again: Lists of clicks that had one before.
        same: Lists that were compared and are the published ones, byte for byte.
        other: Those that differ.
        unrecorded: Those that no list was recorded of.

    Raises:
        RecordingError: If the recording is damaged, or is none of lists.
    """

    def __init__(self, recording: Recording, source_topic: str) -> None:
        self.lists = self.again = self.same = self.other = self.unrecorded = 0
        self._decode = msgspec.json.Decoder(_List).decode
        self._of_partition: defaultdict[int, _Lists] = defaultdict(_Lists)
        self._bucket_of: dict[int, int] = {}
        for record in all_records(recording):
            one = self._read(record, recording.head.topic)
            if one.source.topic == source_topic:
                self._add(one, record.value or b"")
        for found in self._of_partition.values():
            found.snapshots = array("q", accumulate(found.snapshots, max))
        self._newest = max((found.snapshots[-1] for found in self._of_partition.values()), default=NO_SNAPSHOT)

    @property
    def partitions(self) -> Sequence[int]:
        """The source partitions that have lists."""
        return sorted(self._of_partition)

    def snapshot_offset(self, partition: int, offset: int) -> int:
        """Return the offset of the snapshot that a click was ranked with, `NO_SNAPSHOT` where there was none.

        One without a list was processed together with those before it, and one behind all lists of its partition was
        not processed yet: it has the newest snapshot of all. Within a partition it never goes back.
        """
        found = self._of_partition.get(partition)
        if found is None or offset > found.offsets[-1]:
            return self._newest
        return found.snapshots[max(0, bisect_right(found.offsets, offset) - 1)]

    def snapshot(self, snapshot_offset: int) -> Snapshot:
        """Return the snapshot of that offset."""
        return Snapshot(self._bucket_of[snapshot_offset], snapshot_offset)

    def compare(self, lists: Sequence[bytes]) -> None:
        """Hold simulated lists against the published ones."""
        for body in lists:
            source = self._decode(body).source
            found = self._of_partition.get(source.partition)
            published = None if found is None else found.digest_of(source.offset)
            if published is None:
                self.unrecorded += 1
            elif published == _digest(body):
                self.same += 1
            else:
                self.other += 1

    def _read(self, record: RecordedRecord, topic: str) -> _List:
        try:
            return self._decode(record.value or b"")
        except msgspec.DecodeError as error:
            raise RecordingError(
                f"{topic}/{record.partition} offset {record.offset} is no list ({error}): record the output topic "
                "with `nextclick record CLICKS --lists FILE`."
            ) from error

    def _add(self, one: _List, body: bytes) -> None:
        counts, source = one.counts, one.source
        snapshot = NO_SNAPSHOT if counts is None else counts.offset
        if not self._of_partition[source.partition].add(source.offset, snapshot, _digest(body)):
            self.again += 1
            return
        self.lists += 1
        if counts is not None:
            self._bucket_of[counts.offset] = counts.bucket


def _digest(body: bytes) -> int:
    return int.from_bytes(blake2b(body, digest_size=8).digest())
