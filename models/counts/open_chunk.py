"""A chunk of a bucket while it takes clicks: they are kept as they came, and summed up when the chunk is written.

Legend: c clicks, b earlier clicks of all of them, n items, p pairs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.counts.count_records import ITEM_DTYPE, MARK_DTYPE, PAIR_DTYPE, Chunk

# Two rows of the table of items as one number.
_SHIFT = np.int64(32)


@dataclass(slots=True)
class OpenChunk:
    """What a chunk has, click after click.

    Attributes:
        written: What it had when whoever counts now took it over; None where it is new.
        counted: Clicks in it.
        next_offset: Behind the newest of them.
    """

    written: Chunk | None = None
    counted: int = 0
    next_offset: int = 0
    _clicked: list[int] = field(default_factory=list)  # item hashes, (c,)
    _users: list[int] = field(default_factory=list)  # pseudonyms, (c,)
    _is_new_user: list[bool] = field(default_factory=list)  # (c,)
    _before: list[int] = field(default_factory=list)  # item hashes, those of a click together, the newest last, (b,)
    _length: list[int] = field(default_factory=list)  # how many of them are each click's, (c,)

    @classmethod
    def of(cls, chunk: Chunk) -> "OpenChunk":
        """Return a chunk that goes on where this one stands."""
        return cls(chunk, int(chunk.items["clicks"].sum()), chunk.next_offset)

    def add(self, offset: int, item_hash: int, before: Sequence[int], user: int, *, is_new_user: bool) -> None:
        """Add a click.

        Args:
            offset: In the source partition.
            item_hash: What was clicked.
            before: What pairs are made with, the newest last.
            user: The bucket's name of the user.
            is_new_user: Whether the bucket has no click of him on this item yet.
        """
        self.counted += 1
        self.next_offset = offset + 1
        self._clicked.append(item_hash)
        self._users.append(user)
        self._is_new_user.append(is_new_user)
        self._before += before
        self._length.append(len(before))

    def contents(self) -> Chunk:
        """Return what the chunk has by now; equal clicks give equal bytes."""
        written = _NOTHING if self.written is None else self.written
        hashes = written.items["item_hash"]
        clicked, before = np.array(self._clicked, np.uint64), np.array(self._before, np.uint64)
        table, index = np.unique(np.concatenate([hashes, clicked, before]), return_inverse=True)
        old, item, other = np.split(index, np.cumsum([len(hashes), len(clicked)]))
        items = np.zeros(len(table), ITEM_DTYPE)
        items["item_hash"] = table
        for name, new in (("clicks", None), ("users", np.array(self._is_new_user, np.int64))):
            items[name] = np.bincount(item, new, len(table)) + np.bincount(old, written.items[name], len(table))
        user = np.array(self._users, np.uint64)
        return Chunk(
            self.next_offset,
            items,
            _summed(written.transitions, old, self._transitions(item, other)),
            _summed(written.cooccurrences, old, self._cooccurrences(item, other), lower_first=True),
            _summed_marks(written.marks, old, user, item),
        )

    def _transitions(self, item: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the last click before each one that has any, and that one, as one number each."""
        length = np.array(self._length, np.int64)
        follows = np.flatnonzero(length)
        return other[np.cumsum(length)[follows] - 1] << _SHIFT | item[follows]

    def _cooccurrences(self, item: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return each click's pairs with other items, an item once a click, the lower row first, as one number each."""
        click = np.repeat(np.arange(len(item)), np.array(self._length, np.int64))
        click, other = np.divmod(np.unique(click << _SHIFT | other), 1 << _SHIFT)
        differs = other != item[click]
        other, item = other[differs], item[click[differs]]
        return np.minimum(item, other) << _SHIFT | np.maximum(item, other)


_NOTHING = Chunk(0, np.empty(0, ITEM_DTYPE), np.empty(0, PAIR_DTYPE), np.empty(0, PAIR_DTYPE), np.empty(0, MARK_DTYPE))


def _summed(
    written: NDArray[np.void], old: NDArray[np.int64], new: NDArray[np.int64], *, lower_first: bool = False
) -> NDArray[np.void]:
    """Return pairs that were written, by the new table, and new ones, each pair once, (p,)."""
    first, second = old[written["first"]], old[written["second"]]
    if lower_first:
        first, second = np.minimum(first, second), np.maximum(first, second)
    pair, place = np.unique(np.concatenate([first << _SHIFT | second, new]), return_inverse=True)
    count = np.concatenate([written["count"].astype(np.int64), np.ones(len(new), np.int64)])
    pairs = np.empty(len(pair), PAIR_DTYPE)
    pairs["first"], pairs["second"] = np.divmod(pair, 1 << _SHIFT)
    pairs["count"] = np.bincount(place, count, len(pair))
    return pairs


def _summed_marks(
    written: NDArray[np.void], old: NDArray[np.int64], user: NDArray[np.uint64], item: NDArray[np.int64]
) -> NDArray[np.void]:
    """Return how often whom the chunk counted for what, each user and item once, (m,)."""
    users = np.concatenate([written["user"], user])
    items = np.concatenate([old[written["item"]], item])
    count = np.concatenate([written["count"].astype(np.int64), np.ones(len(user), np.int64)])
    order = np.lexsort((users, items))
    users, items = users[order], items[order]
    begins = np.flatnonzero(np.diff(users, prepend=~users[:1]).astype(bool) | np.diff(items, prepend=-1).astype(bool))
    marks = np.empty(len(begins), MARK_DTYPE)
    marks["user"], marks["item"] = users[begins], items[begins]
    marks["count"] = np.add.reduceat(count[order], begins) if len(begins) else 0
    return marks
