"""Clicks counted plainly, without chunks, records or interruptions: what the counters are held to."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from models.counts.buckets import CountsBucket, PairCounts
from models.counts.recipe import CountsRecipe

Pair = tuple[int, int]


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
