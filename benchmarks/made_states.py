"""States of users who have never clicked here, as a changelog would hold them, and the lists that follow from them.

Legend: U users, H hidden size, R ring length.
"""

from collections.abc import Sequence

import numpy as np

from benchmarks.click_sets import FIRST_CLICK_MS, SEED, ClickSet, user_id
from benchmarks.reference import Reference
from benchmarks.streams import PARTITIONS
from benchmarks.writing import Record
from export.artifact import Artifact
from export.runtime import ModelRuntime, State, no_exclusions
from workers.user_state import UserState, encode_state

# Of a state's components; an LSTM's lie between -1 and 1.
SCALE = 0.3
# Primes, one a tensor.
POOL_SIZES = (9_973, 10_007, 10_009, 10_037)
# Before any offset of the click topic: the user's next click is a new one.
NO_OFFSET = -1


class MadeStates:
    """Seeded states of users 0 to U - 1.

    Args:
        artifact: Whose slots they have.
        users: U.
    """

    def __init__(self, artifact: Artifact, users: int) -> None:
        self.artifact = artifact
        self.users = users
        draw = np.random.default_rng(SEED)
        hashes = np.array(artifact.vocabulary.hashes, dtype=np.uint64)
        self._entries = np.empty(artifact.manifest.ring_length, dtype=[("item", "<u8"), ("at_ms", "<i8")])
        self._entries["item"] = draw.choice(hashes, len(self._entries))
        # Pools without a common divisor: hardly two users share all their rows, and a row costs no drawing.
        self._pools = tuple(
            (SCALE * draw.standard_normal((size, *tensor.shape))).astype(tensor.dtype)
            for size, tensor in zip(POOL_SIZES, artifact.manifest.state, strict=False)
        )
        self._entries["at_ms"] = FIRST_CLICK_MS - 60_000 * np.arange(len(self._entries), 0, -1)

    def records(self, users: Sequence[int]) -> list[Record]:
        """Return the changelog records of these users."""
        tensors = self._tensors(users)
        clicks = [1 + user % len(self._entries) for user in users]
        return [
            Record(
                user % PARTITIONS,
                user_id(user).encode(),
                encode_state(self._state(user, clicks[row], b"".join(tensor[row].tobytes() for tensor in tensors))),
            )
            for row, user in enumerate(users)
        ]

    def reference(self, count: int) -> Reference:
        """Return one click each by `count` users, spread over all of them, and the lists that they get."""
        manifest = self.artifact.manifest
        draw = np.random.default_rng((SEED, count))
        users = draw.choice(self.users, count, replace=False).astype(np.int64)
        item_index = draw.integers(0, manifest.item_count, count)
        runtime = ModelRuntime(self.artifact)
        state = runtime.step(item_index, np.zeros((count, 0), dtype=np.float32), self._tensors(users.tolist()))
        no_bias = np.zeros(manifest.item_count, dtype=np.float32)
        top_item, top_score = runtime.rank(state, no_exclusions(count, manifest.ring_length), no_bias)
        return Reference(self.artifact, ClickSet(users, item_index), top_item, top_score)

    def _tensors(self, users: Sequence[int]) -> State:
        """Return the tensors of these users, each (U, ...)."""
        return tuple(pool[np.array(users) % len(pool)] for pool in self._pools)

    def _state(self, user: int, clicks: int, tensors: bytes) -> UserState:
        return UserState(
            source_partition=user % PARTITIONS,
            last_offset=NO_OFFSET,
            updated_at_ms=FIRST_CLICK_MS - 60_000,
            clicks=clicks,
            session_hash=0,
            session_clicks=clicks,
            ring=self._entries[-clicks:].tobytes(),
            slots=((self.artifact.manifest.model_id, tensors),),
        )
