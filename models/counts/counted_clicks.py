"""Clicks of one source partition as counting sees them: a column a field.

Legend: c clicks, b earlier clicks of all of them.
"""

from collections.abc import Sequence
from itertools import compress
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class CountedClicks(NamedTuple):
    """Clicks in the order of their offsets.

    Attributes:
        offset: In the source partition, int64 (c,).
        user: Whose, UTF-8, (c,).
        item_hash: What, uint64 (c,).
        before: What each one's user clicked earlier in the same session, those of a click together, the newest last,
            uint64 (b,).
        before_count: How many of `before` are each click's, int64 (c,).
        timestamp_ms: When, int64 (c,).
        recorded_ms: When Kafka had it, int64 (c,); negative where it does not say.
    """

    offset: NDArray[np.int64]
    user: Sequence[bytes]
    item_hash: NDArray[np.uint64]
    before: NDArray[np.uint64]
    before_count: NDArray[np.int64]
    timestamp_ms: NDArray[np.int64]
    recorded_ms: NDArray[np.int64]

    def between(self, start: int, stop: int) -> "CountedClicks":
        """Return those at these places, the last one left out: parts of the same arrays."""
        first = int(self.before_count[:start].sum())
        behind = first + int(self.before_count[start:stop].sum())
        return CountedClicks(
            self.offset[start:stop],
            self.user[start:stop],
            self.item_hash[start:stop],
            self.before[first:behind],
            self.before_count[start:stop],
            self.timestamp_ms[start:stop],
            self.recorded_ms[start:stop],
        )

    def where(self, is_meant: NDArray[np.bool_]) -> "CountedClicks":
        """Return those of the clicks that are meant, (c,); all of them as they are."""
        if is_meant.all():
            return self
        return CountedClicks(
            self.offset[is_meant],
            list(compress(self.user, is_meant.tolist())),
            self.item_hash[is_meant],
            self.before[np.repeat(is_meant, self.before_count)],
            self.before_count[is_meant],
            self.timestamp_ms[is_meant],
            self.recorded_ms[is_meant],
        )
