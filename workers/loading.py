"""Step 3: the states of a micro-batch's users, read once, their tensors gathered into rows.

Legend: U rows, one a user of the batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from export.runtime import ModelRuntime
from models.errors import StateRecordError
from models.features import encode_features
from models.vocabulary import ItemIndex, ItemVocabulary
from workers.ports import StateStore
from workers.state_rows import StateRows
from workers.user_state import UserState, decode_state, ring_entries

# A user of the batch: the partition that owns the state, and the record's key.
UserKey = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class LoadedStates:
    """The states of a micro-batch's users, before any of its clicks.

    Attributes:
        rows: The tensors, one row a user.
        row_of_user: Where each user's row is.
        states: Everything but the tensors, by user; None for a user without state. Changes as clicks are applied.
        rebuilt: Users whose tensors come from their ring, because another model had made their slot.
        unreadable: Why a user's record did not decode, by user.
    """

    rows: StateRows
    row_of_user: dict[UserKey, int]
    states: dict[UserKey, UserState | None]
    rebuilt: set[UserKey] = field(default_factory=set)
    unreadable: dict[UserKey, str] = field(default_factory=dict)

    def new_state(self, user: UserKey, model_id: str) -> UserState:
        """Return the user's state with the present tensors in its one slot.

        Raises:
            KeyError: If none of the user's clicks was applied.
        """
        state = self.states[user]
        if state is None:
            raise KeyError(user)
        return replace(state, slots=((model_id, self.rows.encode(self.row_of_user[user])),))


class StateLoader:
    """Loads users' states for one model.

    Args:
        runtime: The model; it rebuilds the tensors that another model had made.
        vocabulary: Its items.
        store: Where the users' records are; only read here.
    """

    def __init__(self, runtime: ModelRuntime, vocabulary: ItemVocabulary, store: StateStore) -> None:
        self._runtime = runtime
        self._manifest = runtime.manifest
        self._vocabulary = vocabulary
        self._store = store

    def load(self, users: Sequence[UserKey]) -> LoadedStates:
        """Load each user of the batch once.

        A record that does not decode is reported in `unreadable` and its user goes on without state.
        """
        row_of_user = {user: row for row, user in enumerate(dict.fromkeys(users))}
        loaded = LoadedStates(StateRows(self._manifest, len(row_of_user)), row_of_user, {})
        for user, row in row_of_user.items():
            try:
                loaded.states[user] = self._load_user(user, row, loaded)
            except StateRecordError as error:
                loaded.states[user] = None
                loaded.rows.clear([row])
                loaded.unreadable[user] = str(error)
        self._rebuild(loaded)
        return loaded

    def _load_user(self, user: UserKey, row: int, loaded: LoadedStates) -> UserState | None:
        record = self._store.load(*user)
        if record is None:
            return None
        state = decode_state(record)
        slot = state.slot(self._manifest.model_id)
        if slot is None:
            loaded.rebuilt.add(user)
        else:
            loaded.rows.decode(row, slot)
        return state

    def _rebuild(self, loaded: LoadedStates) -> None:
        """Replay the rings of users whose slot another model had made, all users side by side."""
        rings = {loaded.row_of_user[user]: self._session_ring(loaded.states[user]) for user in loaded.rebuilt}
        for position in range(max(map(len, rings.values()), default=0)):
            entries = [(row, *ring[position]) for row, ring in rings.items() if position < len(ring)]
            rows = [row for row, _, _ in entries]
            features = encode_features(
                self._manifest.features, [gap_ms for _, _, gap_ms in entries], [None] * len(rows)
            )
            item_index = np.array([index for _, index, _ in entries], dtype=np.int64)
            loaded.rows.scatter(rows, self._runtime.step(item_index, features, loaded.rows.gather(rows)))

    def _session_ring(self, state: UserState | None) -> list[tuple[ItemIndex, int]]:
        """Return the known items of the present session that the ring remembers, and the gap before each."""
        if state is None:
            return []
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
