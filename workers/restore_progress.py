"""How far a restore is: what its log lines, its gauges and /readyz say."""

import time
from collections.abc import Mapping

from workers.changelog_reader import ChangelogSpan


class RestoreProgress:
    """Records done and to go, by partition.

    Records are counted by their offsets: where a changelog was compacted there are fewer.

    Args:
        spans: What there is to read, by partition.
    """

    def __init__(self, spans: Mapping[int, ChangelogSpan]) -> None:
        self._ends = {partition: span.end for partition, span in spans.items()}
        self.remaining = {partition: span.end - span.start for partition, span in spans.items()}
        self.total = sum(self.remaining.values())
        self._started = time.monotonic()

    def reached(self, partition: int, position: int) -> None:
        """Note the offset that is read next."""
        self.remaining[partition] = max(0, self._ends[partition] - position)

    @property
    def done(self) -> int:
        """Records that are restored."""
        return self.total - sum(self.remaining.values())

    @property
    def unfinished(self) -> list[int]:
        """The partitions that are not restored yet."""
        return [partition for partition, records in self.remaining.items() if records]

    @property
    def seconds(self) -> float:
        """How long it has taken until now."""
        return time.monotonic() - self._started

    @property
    def records_per_second(self) -> float:
        """How fast it was until now."""
        return self.done / max(self.seconds, 1e-9)

    @property
    def seconds_left(self) -> float | None:
        """How long it will go on at this speed; None before the first record."""
        return (self.total - self.done) / self.records_per_second if self.done else None

    def __str__(self) -> str:
        left = "" if self.seconds_left is None else f", {self.seconds_left:.0f} s left"
        return f"{self.done:,} of {self.total:,} records{left}"
