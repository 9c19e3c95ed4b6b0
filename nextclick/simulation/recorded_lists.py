"""A recorded output topic: which snapshot each click was ranked with, and whether a list is the one that was published.

A click whose list was published twice, by whoever processed it again after a crash, has two lists of different
snapshots; the first one counts: within a source partition first lists never go back to an older snapshot.
"""

from bisect import bisect_right
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
        self._digest_of: defaultdict[int, dict[int, bytes]] = defaultdict(dict)
        self._bucket_of: dict[int, int] = {}
        snapshot_of: defaultdict[int, dict[int, int]] = defaultdict(dict)
        for record in all_records(recording):
            one = self._read(record, recording.head.topic)
            if one.source.topic == source_topic:
                self._add(one, record.value or b"", snapshot_of[one.source.partition])
        self._offsets = {partition: sorted(found) for partition, found in snapshot_of.items()}
        self._snapshots = {
            partition: list(accumulate((snapshot_of[partition][offset] for offset in offsets), max))
            for partition, offsets in self._offsets.items()
        }
        self.newest = max((snapshots[-1] for snapshots in self._snapshots.values()), default=NO_SNAPSHOT)

    @property
    def partitions(self) -> Sequence[int]:
        """The source partitions that have lists."""
        return sorted(self._offsets)

    def snapshot_offset(self, partition: int, offset: int) -> int:
        """Return the offset of the snapshot that a click was ranked with, `NO_SNAPSHOT` where there was none.

        One without a list was processed together with those before it, and one behind all lists of its partition was
        not processed yet: it has the newest snapshot of all. Within a partition it never goes back.
        """
        offsets = self._offsets.get(partition)
        if offsets is None or offset > offsets[-1]:
            return self.newest
        return self._snapshots[partition][max(0, bisect_right(offsets, offset) - 1)]

    def snapshot(self, snapshot_offset: int) -> Snapshot:
        """Return the snapshot of that offset."""
        return Snapshot(self._bucket_of[snapshot_offset], snapshot_offset)

    def compare(self, lists: Sequence[bytes]) -> None:
        """Hold simulated lists against the published ones."""
        for body in lists:
            source = self._decode(body).source
            published = self._digest_of[source.partition].get(source.offset)
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

    def _add(self, one: _List, body: bytes, snapshot_of: dict[int, int]) -> None:
        offset = one.source.offset
        if offset in snapshot_of:
            self.again += 1
            return
        self.lists += 1
        snapshot_of[offset] = NO_SNAPSHOT if one.counts is None else one.counts.offset
        if one.counts is not None:
            self._bucket_of[one.counts.offset] = one.counts.bucket
        self._digest_of[one.source.partition][offset] = _digest(body)


def _digest(body: bytes) -> bytes:
    return blake2b(body, digest_size=8).digest()
