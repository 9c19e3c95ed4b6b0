"""Which row of the arena each hot user has."""

from collections import OrderedDict

# A user of the stream: the partition that owns the state, and the record's key.
UserKey = tuple[int, bytes]


class UserRows:
    """Rows for as many users as there are; the least recently used leaves first.

    A user must not leave while a micro-batch of his is in flight: his newest state is nowhere else. Micro-batches are
    installed in the order in which they came, so whoever is in flight was used more recently than everyone who is not.
    **Invariant.** With room for the users of every micro-batch in flight and of the present one, whoever leaves is safe
    in the store. (`workers/assembly.py` sees to the room.)

    Args:
        capacity: How many rows there are.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._row_of: OrderedDict[UserKey, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._row_of)

    def find(self, user: UserKey) -> int | None:
        """Return the user's row, or None where he is not hot; finding is using."""
        row = self._row_of.get(user)
        if row is not None:
            self._row_of.move_to_end(user)
        return row

    def claim(self, user: UserKey) -> int:
        """Return a row for a user who has none; whatever was in it is still there."""
        row = len(self._row_of)
        if row == self._capacity:
            _, row = self._row_of.popitem(last=False)
        self._row_of[user] = row
        return row

    def forget(self) -> None:
        """Let everyone leave."""
        self._row_of.clear()
