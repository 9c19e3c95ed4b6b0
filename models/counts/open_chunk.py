"""A chunk of a bucket while it takes clicks: they are kept as they came, and summed up when the chunk is written.

Legend: c clicks, b earlier clicks of all of them, n items, p pairs, m marks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from models.counts.chunk_sum import chunk_sum
from models.counts.count_records import ITEM_DTYPE, MARK_DTYPE, PAIR_DTYPE, Chunk
from models.counts.counted_clicks import CountedClicks

Scalar = TypeVar("Scalar", bound=np.generic)
# Two rows of the table of items as one number.
_SHIFT, _LOWER = np.int64(32), np.int64((1 << 32) - 1)


@dataclass(slots=True)
class OpenChunk:
    """What a chunk has.

    Attributes:
        written: What it had when whoever counts now took it over; None where it is new.
        counted: Clicks in it.
        next_offset: Behind the newest of them.
    """

    written: Chunk | None = None
    counted: int = 0
    next_offset: int = 0
    # As they came, each time some clicks together: clicks, pseudonyms, and whether a user is new to the item.
    _clicks: list[CountedClicks] = field(default_factory=list)
    _users: list[NDArray[np.uint64]] = field(default_factory=list)
    _is_new_user: list[NDArray[np.bool_]] = field(default_factory=list)

    @classmethod
    def of(cls, chunk: Chunk) -> "OpenChunk":
        """Return a chunk that goes on where this one stands."""
        return cls(chunk, int(chunk.items["clicks"].sum()), chunk.next_offset)

    def add(self, clicks: CountedClicks, users: NDArray[np.uint64], is_new_user: NDArray[np.bool_]) -> None:
        """Add clicks.

        Args:
            clicks: In the order of their offsets, at least one.
            users: The bucket's names of their users, (c,).
            is_new_user: Whether the bucket has no click of each one's user on its item yet, (c,).
        """
        self.counted += len(users)
        self.next_offset = int(clicks.offset[-1]) + 1
        self._clicks.append(clicks)
        self._users.append(users)
        self._is_new_user.append(is_new_user)

    def contents(self) -> Chunk:
        """Return what the chunk has by now; equal clicks give equal bytes."""
        if not self._clicks and self.written is not None:
            return self.written
        clicked = _joined([part.item_hash for part in self._clicks])
        before = _joined([part.before for part in self._clicks])
        table, index = np.unique(np.concatenate([clicked, before]), return_inverse=True)
        item, other = index[: len(clicked)], index[len(clicked) :]
        before_count = _joined([part.before_count for part in self._clicks])
        new = Chunk(
            self.next_offset,
            _items(table, item, _joined(self._is_new_user)),
            _counted(_transitions(item, other, before_count)),
            _counted(_cooccurrences(item, other, before_count)),
            _marks(_joined(self._users), item),
        )
        return new if self.written is None else chunk_sum(self.written, new)


def _joined(parts: Sequence[NDArray[Scalar]]) -> NDArray[Scalar]:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _items(table: NDArray[np.uint64], item: NDArray[np.int64], is_new_user: NDArray[np.bool_]) -> NDArray[np.void]:
    """Return the table of items and how often each was clicked, and by how many, (n,)."""
    items = np.empty(len(table), ITEM_DTYPE)
    items["item_hash"] = table
    items["clicks"] = np.bincount(item, minlength=len(table))
    items["users"] = np.bincount(item[is_new_user], minlength=len(table))
    return items


def _transitions(
    item: NDArray[np.int64], other: NDArray[np.int64], before_count: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the last click before each one that has any, and that one, as one number each, (p,)."""
    follows = np.flatnonzero(before_count)
    return other[np.cumsum(before_count)[follows] - 1] << _SHIFT | item[follows]


def _cooccurrences(
    item: NDArray[np.int64], other: NDArray[np.int64], before_count: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return each click's pairs with other items, an item once a click, the lower row first, one number each, (p,)."""
    click = np.repeat(np.arange(len(item)), before_count)
    pair = click << _SHIFT | other
    pair.sort()
    pair = pair[np.diff(pair, prepend=-1) != 0]
    click, other = pair >> _SHIFT, pair & _LOWER
    item = item[click]
    differs = other != item
    item, other = item[differs], other[differs]
    return np.minimum(item, other) << _SHIFT | np.maximum(item, other)


def _counted(pair: NDArray[np.int64]) -> NDArray[np.void]:
    """Return each pair once, and how often it was there."""
    pair, count = np.unique(pair, return_counts=True)
    pairs = np.empty(len(pair), PAIR_DTYPE)
    pairs["first"], pairs["second"], pairs["count"] = pair >> _SHIFT, pair & _LOWER, count
    return pairs


def _marks(user: NDArray[np.uint64], item: NDArray[np.int64]) -> NDArray[np.void]:
    """Return how often whom the chunk counted for what, each user and item once, (m,)."""
    order = np.lexsort((user, item))
    user, item = user[order], item[order]
    is_first = np.ones(len(user), np.bool_)
    is_first[1:] = (item[1:] != item[:-1]) | (user[1:] != user[:-1])
    begin = np.flatnonzero(is_first)
    marks = np.empty(len(begin), MARK_DTYPE)
    marks["user"], marks["item"], marks["count"] = user[begin], item[begin], np.diff(begin, append=len(user))
    return marks
