"""Clicks counted in buckets of event time: whole numbers, so that sums do not depend on any order.

A bucket is complete in itself: it is kept and sent as absolute values under the key (source partition, bucket), and the
same clicks again give the same values again.

Legend: n items of a bucket, p pairs.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.counts.recipe import CountsRecipe

Pair = tuple[int, int]


@dataclass(frozen=True)
class PairCounts:
    """How often pairs of items were seen, in order of their items; each (p,)."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    count: NDArray[np.int64]


@dataclass(frozen=True)
class CountsBucket:
    """What was clicked in a bucket.

    Attributes:
        item: In ascending order, (n,).
        clicks: How often each was clicked, (n,).
        users: By how many users, (n,).
        transitions: An item, and what was clicked right after it in the same session.
        cooccurrences: Two items of a session, the lower index first.
    """

    item: NDArray[np.int64]
    clicks: NDArray[np.int64]
    users: NDArray[np.int64]
    transitions: PairCounts
    cooccurrences: PairCounts


@dataclass
class _OpenBucket:
    clicks: Counter[int] = field(default_factory=Counter)
    users: Counter[int] = field(default_factory=Counter)
    clicks_of_user: Counter[tuple[str, int]] = field(default_factory=Counter)
    transitions: Counter[Pair] = field(default_factory=Counter)
    cooccurrences: Counter[Pair] = field(default_factory=Counter)

    def contents(self) -> CountsBucket:
        item = np.array(sorted(self.clicks), dtype=np.int64)
        return CountsBucket(
            item=item,
            clicks=np.array([self.clicks[number] for number in item.tolist()], dtype=np.int64),
            users=np.array([self.users[number] for number in item.tolist()], dtype=np.int64),
            transitions=_pair_counts(self.transitions),
            cooccurrences=_pair_counts(self.cooccurrences),
        )


class BucketBuilder:
    """Counts the clicks of one source partition, in the order of their offsets.

    Args:
        recipe: The buckets' length, how often a user counts, how far pairs reach.
        open_buckets: How many buckets take clicks: the newest and those before it.

    Attributes:
        late_clicks: Clicks that were left out because their bucket was closed.
        capped_clicks: Clicks that were left out because their user had counted often enough.
    """

    def __init__(self, recipe: CountsRecipe, *, open_buckets: int = 6) -> None:
        self._recipe = recipe
        self._open_buckets = open_buckets
        self._open: dict[int, _OpenBucket] = {}
        self._newest: int | None = None
        self.late_clicks = 0
        self.capped_clicks = 0

    def count(self, user: str, item: int, before: Sequence[int], timestamp_ms: int) -> None:
        """Count a click.

        Args:
            user: Who clicked.
            item: What.
            before: What he clicked earlier in the same session, the newest last; empty for a session's first click.
            timestamp_ms: When.
        """
        number = timestamp_ms // self._recipe.bucket_ms
        self._newest = number if self._newest is None else max(self._newest, number)
        if number <= self._newest - self._open_buckets:
            self.late_clicks += 1
            return
        bucket = self._open.setdefault(number, _OpenBucket())
        counted = bucket.clicks_of_user[user, item]
        if counted >= self._recipe.clicks_per_user:
            self.capped_clicks += 1
            return
        bucket.clicks_of_user[user, item] += 1
        bucket.clicks[item] += 1
        bucket.users[item] += counted == 0
        if before:
            bucket.transitions[before[-1], item] += 1
            for other in set(before[-self._recipe.session_reach :]) - {item}:
                bucket.cooccurrences[min(other, item), max(other, item)] += 1

    def closed(self) -> Iterator[tuple[int, CountsBucket]]:
        """Take out what no click can change any more, in order of time."""
        if self._newest is None:
            return
        for number in sorted(self._open):
            if number <= self._newest - self._open_buckets:
                yield number, self._open.pop(number).contents()

    def drain(self) -> Iterator[tuple[int, CountsBucket]]:
        """Take out every bucket, the open ones too, in order of time: where no more of their clicks can come."""
        for number in sorted(self._open):
            yield number, self._open.pop(number).contents()

    def contents(self) -> Mapping[int, CountsBucket]:
        """Return every open bucket as it is now, in order of time."""
        return {number: self._open[number].contents() for number in sorted(self._open)}


def _pair_counts(counts: Mapping[Pair, int]) -> PairCounts:
    pairs = sorted(counts)
    table = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return PairCounts(table[:, 0], table[:, 1], np.array([counts[pair] for pair in pairs], dtype=np.int64))


def summed(buckets: Sequence[CountsBucket]) -> CountsBucket:
    """Add up what several source partitions counted in the same bucket."""
    if len(buckets) == 1:
        return buckets[0]
    item, place = np.unique(np.concatenate([bucket.item for bucket in buckets]), return_inverse=True)
    clicks, users = np.zeros_like(item), np.zeros_like(item)
    np.add.at(clicks, place, np.concatenate([bucket.clicks for bucket in buckets]))
    np.add.at(users, place, np.concatenate([bucket.users for bucket in buckets]))
    return CountsBucket(
        item,
        clicks,
        users,
        _summed_pairs([bucket.transitions for bucket in buckets]),
        _summed_pairs([bucket.cooccurrences for bucket in buckets]),
    )


def _summed_pairs(parts: Sequence[PairCounts]) -> PairCounts:
    # Rows of a vocabulary: two of them are one number, which sorts as the pair does.
    pairs = np.concatenate([part.first << 32 | part.second for part in parts])
    unique, place = np.unique(pairs, return_inverse=True)
    count = np.zeros(len(unique), dtype=np.int64)
    np.add.at(count, place, np.concatenate([part.count for part in parts]))
    return PairCounts(unique >> 32, unique & 0xFFFF_FFFF, count)
