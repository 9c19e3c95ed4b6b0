"""Two lists of one click held against each other, and what that comes to over all clicks.

Legend: K list length.
"""

import heapq
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count, zip_longest

import numpy as np

from nextclick.golden.golden_file import KeptList

# Changed lists that are kept to be shown, the worst ones.
EXAMPLES = 10


@dataclass(frozen=True)
class Tolerance:
    """What may differ.

    Attributes:
        score: How far the score of an item may move; ranks may then change places, the items may not. 0: not a bit.
        changed_share: Which share of the lists may be changed all the same.
        overlap: Least mean overlap@K over all lists.
    """

    score: float = 0.0
    changed_share: float = 0.0
    overlap: float = 0.0


@dataclass(frozen=True)
class ListChange:
    """A click whose list is another one.

    Attributes:
        before: The golden list; None where there was none.
        after: The list now; None where there is none any more.
        first_rank: The first rank at which another item stands, 1 is the best; None where all are the same.
        overlap: Which share of the golden items is still listed.
        score_move: How far the score of an item in both has moved at most.
    """

    before: KeptList | None
    after: KeptList | None
    first_rank: int | None
    overlap: float
    score_move: float

    @property
    def of(self) -> KeptList:
        """Whichever list there is: it names the click and the user."""
        found = self.before or self.after
        assert found is not None  # noqa: S101 - a change has one of them
        return found


@dataclass
class Comparison:
    """What became of all lists.

    Attributes:
        tolerance: What may differ.
        lists: Clicks with a list before, now, or both.
        users: Whose they are.
        equal: Lists that are the same to the last bit.
        tolerated: Lists that differ within the tolerance of scores.
        changed: Others.
        missing: Clicks among the changed that have no list any more.
        added: Clicks among the changed that had none before.
        strategies: Changed strategies, before and now.
        first_ranks: How many lists differ first at a rank.
        changed_users: How many changed lists each user has.
        overlap_sum: Over all lists.
        changed_overlap_sum: Over the changed ones.
        score_moves: How many scores of items in both lists moved, summed how far, and the farthest.
    """

    tolerance: Tolerance
    lists: int = 0
    users: set[str] = field(default_factory=set)
    equal: int = 0
    tolerated: int = 0
    changed: int = 0
    missing: int = 0
    added: int = 0
    strategies: Counter[tuple[str, str]] = field(default_factory=Counter)
    first_ranks: Counter[int] = field(default_factory=Counter)
    changed_users: Counter[str] = field(default_factory=Counter)
    overlap_sum: float = 0.0
    changed_overlap_sum: float = 0.0
    farthest_score_move: float = 0.0
    _worst: list[tuple[float, float, int, ListChange]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)

    @property
    def is_passed(self) -> bool:
        """Whether no more has changed than may."""
        return self.changed <= self.tolerance.changed_share * self.lists and self.overlap >= self.tolerance.overlap

    @property
    def overlap(self) -> float:
        """Mean overlap@K over all lists."""
        return self.overlap_sum / self.lists if self.lists else 1.0

    @property
    def changed_overlap(self) -> float:
        """Mean overlap@K over the changed lists."""
        return self.changed_overlap_sum / self.changed if self.changed else 1.0

    @property
    def worst(self) -> list[ListChange]:
        """The changed lists with the least overlap, the worst first."""
        return [change for *_, change in sorted(self._worst, key=lambda entry: entry[:3], reverse=True)]

    def add(self, before: KeptList | None, after: KeptList | None) -> None:
        """Hold the lists of a click against each other."""
        self.lists += 1
        change = compare_lists(before, after)
        self.users.add((before or after).user_id)  # type: ignore[union-attr]
        if change is None:
            self.equal += 1
            self.overlap_sum += 1.0
            return
        self.overlap_sum += change.overlap
        self.farthest_score_move = max(self.farthest_score_move, change.score_move)
        if is_tolerated(change, self.tolerance.score):
            self.tolerated += 1
        else:
            self._count_changed(change)

    def _count_changed(self, change: ListChange) -> None:
        before, after = change.before, change.after
        self.changed += 1
        self.changed_overlap_sum += change.overlap
        self.changed_users[change.of.user_id] += 1
        self.missing += after is None
        self.added += before is None
        if change.first_rank is not None:
            self.first_ranks[change.first_rank] += 1
        if before is not None and after is not None and before.strategy != after.strategy:
            self.strategies[before.strategy, after.strategy] += 1
        entry = (-change.overlap, change.score_move, -next(self._numbers), change)
        if len(self._worst) < EXAMPLES:
            heapq.heappush(self._worst, entry)
        else:
            heapq.heappushpop(self._worst, entry)


def compare_lists(before: KeptList | None, after: KeptList | None) -> ListChange | None:
    """Return how the lists of a click differ; None where they are the same to the last bit."""
    if before is None or after is None:
        return ListChange(before, after, None, 0.0, 0.0)
    same_items = before.items == after.items
    if same_items and before.scores.tobytes() == after.scores.tobytes() and before.strategy == after.strategy:
        return None
    was = dict(zip(before.items, before.scores.tolist(), strict=True))
    moves = [
        abs(score - was[item]) for item, score in zip(after.items, after.scores.tolist(), strict=True) if item in was
    ]
    overlap = len(moves) / len(was) if was else float(not after.items)
    first_rank = None if same_items else _first_difference(before.items, after.items)
    return ListChange(before, after, first_rank, overlap, float(np.max(moves, initial=0.0)))


def is_tolerated(change: ListChange, score_tolerance: float) -> bool:
    """Return whether a list has kept its items and strategy, and no score has moved too far."""
    before, after = change.before, change.after
    if before is None or after is None or score_tolerance <= 0:
        return False
    same = before.strategy == after.strategy and set(before.items) == set(after.items)
    return same and change.score_move <= score_tolerance


def paired(before: Iterable[KeptList], after: Iterable[KeptList]) -> Iterator[tuple[KeptList | None, KeptList | None]]:
    """Yield the two lists of each click; None where a click has only one.

    Both come in the order of one recording, so a partition's offsets rise in both: where the next two of a partition
    are of different clicks, the one of the earlier click has no other.
    """
    waiting: tuple[dict[int, deque[KeptList]], dict[int, deque[KeptList]]] = (defaultdict(deque), defaultdict(deque))
    for arrived in zip_longest(before, after):
        for queues, one in zip(waiting, arrived, strict=True):
            if one is not None:
                queues[one.partition].append(one)
        for partition in {one.partition for one in arrived if one is not None}:
            yield from _matched(waiting[0][partition], waiting[1][partition])
    for partition in sorted(waiting[0].keys() | waiting[1].keys()):
        yield from ((one, None) for one in waiting[0][partition])
        yield from ((None, one) for one in waiting[1][partition])


def _matched(before: deque[KeptList], after: deque[KeptList]) -> Iterator[tuple[KeptList | None, KeptList | None]]:
    while before and after:
        if before[0].offset == after[0].offset:
            yield before.popleft(), after.popleft()
        elif before[0].offset < after[0].offset:
            yield before.popleft(), None
        else:
            yield None, after.popleft()


def _first_difference(before: tuple[str, ...], after: tuple[str, ...]) -> int:
    ranks = enumerate(zip_longest(before, after), start=1)
    return next(rank for rank, (was, item) in ranks if was != item)
