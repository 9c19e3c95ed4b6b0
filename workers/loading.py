"""Step 3: the states of a micro-batch's users, from the arena where they are hot, else from the store.

Legend: N clicks of the batch.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from export.runtime import ModelRuntime
from models.errors import StateRecordError
from models.sequences.features import encode_features, no_values
from models.sequences.vocabulary import ItemIndex, ItemVocabulary
from workers.ports import StateStore
from workers.state_arena import UNKNOWN_ITEM, Rows, StateArena
from workers.unreadable_states import UnreadableState
from workers.user_rows import UserKey, UserRows
from workers.user_state import HEAD_DTYPE, UserState, decode_state, ring_entries


@dataclass(frozen=True, slots=True)
class LoadedRows:
    """Where the states of a micro-batch's users are.

    Attributes:
        rows: Each click's row of the arena, (N,).
        newcomers: Rows of users who were not hot.
        as_left: Those of them whose state is as this model left it: no record was rebuilt, and one there was.
        unreadable: Records that did not decode; their users go on without state.
    """

    rows: Rows
    newcomers: Rows
    as_left: Rows
    unreadable: Sequence[UnreadableState]


class StateLoader:
    """Loads users' states for one model.

    Args:
        runtime: The model; it rebuilds the tensors that another model had made.
        vocabulary: Its items.
        store: Where the users' records are; only read here.
        capacity: How many users stay in the arena.
    """

    def __init__(self, runtime: ModelRuntime, vocabulary: ItemVocabulary, store: StateStore, *, capacity: int) -> None:
        self._runtime = runtime
        self._manifest = runtime.manifest
        self._vocabulary = vocabulary
        self._store = store
        self._users = UserRows(capacity)
        self.arena = StateArena(runtime.manifest, capacity)

    @property
    def hot_users(self) -> int:
        """How many users are in the arena."""
        return len(self._users)

    def load(self, users: Sequence[UserKey]) -> LoadedRows:
        """Return the row of each click's user, (N,); a user who was not hot is read from the store."""
        rows: list[int] = []
        newcomers: dict[UserKey, int] = {}
        for user in users:
            row = self._users.find(user)
            if row is None:
                row = newcomers[user] = self._users.claim(user)
            rows.append(row)
        as_left, unreadable = self._read(newcomers)
        return LoadedRows(_array(rows), _array(newcomers.values()), _array(as_left), unreadable)

    def forget(self) -> None:
        """Empty the arena: the store has what was installed, and nothing else counts."""
        self._users.forget()

    def _read(self, newcomers: Mapping[UserKey, int]) -> tuple[Sequence[int], Sequence[UnreadableState]]:
        """Fill the rows of users who were not hot; return those filled by this model's own, and what did not decode."""
        as_left: list[int] = []
        unreadable: list[UnreadableState] = []
        rebuilding: dict[int, UserState] = {}
        self.arena.clear(_array(newcomers.values()))
        for user, row in newcomers.items():
            record = self._store.load(*user)
            if record is None:
                continue
            try:
                state = self._fill(row, record)
            except StateRecordError as error:
                self.arena.clear(np.array([row]))
                unreadable.append(UnreadableState(*user, record, str(error)))
                continue
            if self.arena.rebuilt[row]:
                rebuilding[row] = state
            else:
                as_left.append(row)
        self._rebuild(rebuilding)
        return as_left, unreadable

    def _fill(self, row: int, record: bytes) -> UserState:
        """Fill a row from a record; its tensors only where this model made them.

        Raises:
            StateRecordError: If the record does not decode.
        """
        state = decode_state(record)
        self.arena.head[row] = np.frombuffer(record, dtype=HEAD_DTYPE, count=1)[0]
        known = [self._vocabulary.index_of_hash(item_hash) for item_hash, _ in ring_entries(state.ring)]
        self.arena.fill_ring(row, state.ring, [UNKNOWN_ITEM if index is None else index for index in known])
        slot = state.slot(self._manifest.model_id)
        if slot is None:
            self.arena.rebuilt[row] = True
        else:
            self.arena.fill_tensors(row, slot)
        return state

    def _rebuild(self, states: Mapping[int, UserState]) -> None:
        """Replay the rings of users whose slot another model had made, all users side by side."""
        rings = {row: self._session_ring(state) for row, state in states.items()}
        for position in range(max(map(len, rings.values()), default=0)):
            entries = [(row, *ring[position]) for row, ring in rings.items() if position < len(ring)]
            rows = np.array([row for row, _, _ in entries])
            features = encode_features(
                self._manifest.features,
                [gap_ms for _, _, gap_ms in entries],
                [None] * len(rows),
                no_values(len(rows)),
            )
            item_index = np.array([index for _, index, _ in entries], dtype=np.int64)
            self.arena.scatter(rows, self._runtime.step(item_index, features, self.arena.gather(rows)))

    def _session_ring(self, state: UserState) -> list[tuple[ItemIndex, int]]:
        """Return the known items of the present session that the ring remembers, and the gap before each."""
        entries = ring_entries(state.ring)
        first = max(0, len(entries) - state.session_clicks)
        # The session's first click has no gap; what came before it still decides which of the next ones are late.
        newest_ms = max((timestamp_ms for _, timestamp_ms in entries[: first + 1]), default=0)
        known: list[tuple[ItemIndex, int]] = []
        for item_hash, timestamp_ms in entries[first:]:
            item_index = self._vocabulary.index_of_hash(item_hash)
            if item_index is not None:
                known.append((item_index, max(0, timestamp_ms - newest_ms)))
            newest_ms = max(newest_ms, timestamp_ms)
        return known


def _array(rows: Collection[int]) -> Rows:
    return np.fromiter(rows, np.int64, len(rows))
