"""Which snapshot of everyone's clicks each recorded click is ranked with."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Protocol

from models.counts.counted_clicks import CountedClicks
from workers.events import ClickRecord
from workers.served_counts import ServedCounts


class Snapshots(Protocol):
    """Cuts a recording where the counts move on, and moves them on."""

    def batches(
        self, served: ServedCounts, records: Iterable[ClickRecord], most: int
    ) -> Iterator[Sequence[ClickRecord]]:
        """Yield the records in micro-batches of one snapshot each, which is the present one while it is out.

        Args:
            served: What lists are ranked with.
            records: Each partition's in the order of their offsets.
            most: How many records a micro-batch may have.
        """
        ...

    def take(self, counted: Mapping[int, CountedClicks]) -> None:
        """Take the clicks of the micro-batch that is out which count, by source partition."""


def cut(records: Iterable[ClickRecord], most: int) -> Iterator[list[ClickRecord]]:
    """Yield records in micro-batches of this size."""
    iterator = iter(records)
    while batch := list(islice(iterator, most)):
        yield batch
