"""The snapshots that the published lists name, folded anew from the recorded counts topic.

Clicks of one snapshot go together, snapshots in their order: within a source partition they never go back, so that each
partition's clicks stay in the order of their offsets. However many workers made the lists, they are the same bytes.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from models.counts.counted_clicks import CountedClicks
from models.errors import RecordingError
from nextclick.recording.files import Recording
from nextclick.simulation.recorded_lists import NO_SNAPSHOT, RecordedLists
from nextclick.simulation.snapshots import cut
from nextclick.trending import recorded_counts
from workers.events import ClickRecord
from workers.served_counts import CountsRecord, ServedCounts


class PinnedSnapshots:
    """Follows a recorded counts topic as far as the lists say.

    Args:
        lists: The recorded lists.
        counts: The recorded counts topic.
    """

    def __init__(self, lists: RecordedLists, counts: Recording) -> None:
        self._lists = lists
        self._topic = counts.head.topic
        self._records = recorded_counts(counts)
        self._next: CountsRecord | None = next(self._records, None)
        self._end = 0
        self._folded = 0

    @property
    def missing_records(self) -> int:
        """How many records of the counts topic had been compacted away or deleted when it was recorded, so far."""
        return self._end - self._folded

    def batches(
        self, served: ServedCounts, records: Iterable[ClickRecord], most: int
    ) -> Iterator[Sequence[ClickRecord]]:
        """Yield the records in the order of their snapshots: `Snapshots.batches`.

        Raises:
            RecordingError: If the counts are not those of the lists, or end too soon.
        """
        for snapshot_offset, group in groupby(self._in_order(records), key=lambda one: one[0]):
            self._move_on(served, snapshot_offset)
            yield from cut((record for _, _, record in group), most)

    def take(self, counted: Mapping[int, CountedClicks]) -> None:
        """Leave them: the workers have counted them."""

    def _in_order(self, records: Iterable[ClickRecord]) -> Iterator[tuple[int, int, ClickRecord]]:
        """Yield each record behind its snapshot and its place, in this order.

        What is in memory is how far the workers' partitions were apart.
        """
        waiting: list[tuple[int, int, ClickRecord]] = []
        snapshot_offset = self._lists.snapshot_offset
        # By partition, below which snapshot none of its records will come any more.
        coming = {partition: snapshot_offset(partition, 0) for partition in self._lists.partitions}
        for place, record in enumerate(records):
            heapq.heappush(waiting, (snapshot_offset(record.partition, record.offset), place, record))
            coming[record.partition] = snapshot_offset(record.partition, record.offset + 1)
            complete = min(coming.values())
            while waiting and waiting[0][0] <= complete:
                yield heapq.heappop(waiting)
        while waiting:
            yield heapq.heappop(waiting)

    def _move_on(self, served: ServedCounts, snapshot_offset: int) -> None:
        if snapshot_offset == NO_SNAPSHOT:
            return
        while self._next is not None and self._next.offset < snapshot_offset:
            served.hand_over([self._next])
            self._folded += 1
            self._next = next(self._records, None)
        # A snapshot is taken where a record comes, and the last record of a topic is never compacted away.
        if self._next is None:
            raise RecordingError(
                f"The lists name a snapshot of {self._topic} at offset {snapshot_offset}, and its recording ends "
                "before that: record the counts after the lists."
            )
        wanted = self._lists.snapshot(snapshot_offset)
        served.take_snapshot(snapshot_offset)
        if served.snapshot != wanted:
            found = "nothing" if served.snapshot is None else f"bucket {served.snapshot.bucket}"
            raise RecordingError(
                f"The lists were ranked with bucket {wanted.bucket} at offset {wanted.offset} of the counts topic, and "
                f"{self._topic} has {found} there: record the counts topic of the same workers."
            )
        self._end = snapshot_offset
