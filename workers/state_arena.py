"""Users' states as rows: a contiguous array a field, so that a round of clicks is applied in a few array operations.

Legend: U rows of the arena, B rows of one round, R ring length.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from export.artifact import Manifest
from export.runtime import State
from models.errors import StateRecordError
from workers.user_state import CODEC_VERSION, HEAD_DTYPE, RING_DTYPE, join_record, slot_head

Rows = NDArray[np.int64]
UNKNOWN_ITEM = -1
_ONE_SLOT = b"\x01"


class StateArena:
    """The states of U users for one model; what a row means to whom is `UserRows`' affair.

    A row of which `head["clicks"]` is 0 is the state of a user who has clicked nothing: zeros everywhere.

    Args:
        manifest: Names the tensors, their shapes and dtypes, and the ring's length.
        capacity: U.

    Attributes:
        head: What a record begins with, (U,) of `HEAD_DTYPE`.
        rebuilt: Whether the tensors come from the ring, because another model had made the state, (U,).
    """

    def __init__(self, manifest: Manifest, capacity: int) -> None:
        self.head = np.zeros(capacity, dtype=HEAD_DTYPE)
        self.rebuilt = np.zeros(capacity, dtype=np.bool_)
        self._ring_length = manifest.ring_length
        # A circle: the next item goes where the oldest is once the ring is full.
        self._ring = np.zeros((capacity, manifest.ring_length), dtype=RING_DTYPE)
        self._ring_next = np.zeros(capacity, dtype=np.int64)
        self._ring_items = np.full((capacity, manifest.ring_length), UNKNOWN_ITEM, dtype=np.int32)
        self._tensors: State = tuple(
            np.zeros((capacity, *tensor.shape), dtype=tensor.dtype) for tensor in manifest.state
        )
        # Bytes of one row's tensors.
        self._tensor_bytes = sum(np.dtype(one.dtype).itemsize * math.prod(one.shape) for one in manifest.state)
        self._slot_head = _ONE_SLOT + slot_head(manifest.model_id, self._tensor_bytes)

    # ---- a round

    def gather(self, rows: Rows) -> State:
        """Return copies of these rows' tensors, each (B, ...)."""
        return tuple(tensor[rows] for tensor in self._tensors)

    def scatter(self, rows: Rows, state: State) -> None:
        """Replace these rows' tensors, each (B, ...)."""
        for tensor, replacement in zip(self._tensors, state, strict=True):
            tensor[rows] = replacement

    def clear(self, rows: Rows) -> None:
        """Make these the rows of users who have clicked nothing."""
        self.head[rows] = np.zeros((), dtype=HEAD_DTYPE)
        self._ring_next[rows] = 0
        self._ring_items[rows] = UNKNOWN_ITEM
        self.clear_tensors(rows)

    def clear_tensors(self, rows: Rows) -> None:
        """Start these rows' sessions over."""
        self.rebuilt[rows] = False
        for tensor in self._tensors:
            tensor[rows] = 0

    def are_clear(self, rows: Rows) -> NDArray[np.bool_]:
        """Tell of each row whether nothing that the model knows has reached its tensors, (B,)."""
        clear = np.ones(len(rows), dtype=np.bool_)
        for tensor in self._tensors:
            # Most rows show at their first number that they are not.
            clear &= tensor[(rows, *(0 for _ in tensor.shape[1:]))] == 0
        unsure = np.flatnonzero(clear)
        for tensor in self._tensors:
            clear[unsure] &= ~tensor[rows[unsure]].any(axis=tuple(range(1, tensor.ndim)))
        return clear

    def append_to_rings(
        self,
        rows: Rows,
        item_hash: NDArray[np.uint64],
        item_index: NDArray[np.int64],
        timestamp_ms: NDArray[np.int64],
    ) -> None:
        """Let each row's ring remember one more click, the oldest gone where it was full; all (B,)."""
        position = self._ring_next[rows]
        entry = np.empty(len(rows), dtype=RING_DTYPE)
        entry["item_hash"], entry["timestamp_ms"] = item_hash, timestamp_ms
        self._ring[rows, position] = entry
        self._ring_items[rows, position] = item_index
        self._ring_next[rows] = (position + 1) % self._ring_length
        self.head["ring_size"][rows] = np.minimum(self.head["ring_size"][rows] + 1, self._ring_length)

    def ring_items(self, rows: Rows, count: int) -> NDArray[np.int32]:
        """Return the items of these rows' rings, in no order, -1 for one that is not known, (B, count).

        Args:
            rows: The rows.
            count: R for all of them, 0 for none.
        """
        return self._ring_items[rows, :count] if count else np.empty((len(rows), 0), np.int32)

    def recent_items(self, rows: Rows) -> NDArray[np.int32]:
        """Return the items of these rows' rings, newest first, -1 for one that is not known or not there, (B, R)."""
        back = np.arange(1, self._ring_length + 1)
        place = (self._ring_next[rows][:, None] - back) % self._ring_length
        recent: NDArray[np.int32] = self._ring_items[rows[:, None], place]
        return recent

    # ---- records

    def encode(self, rows: Rows) -> list[bytes]:
        """Return these rows' records; see `workers.user_state`."""
        head = self.head[rows]
        head["version"] = CODEC_VERSION
        heads = memoryview(head.tobytes())
        rings = memoryview(self._ring[rows].tobytes())
        tensors = memoryview(self._encode_tensors(rows))
        head_bytes, entry_bytes = HEAD_DTYPE.itemsize, RING_DTYPE.itemsize
        ring_bytes, tensor_bytes = self._ring_length * entry_bytes, self._tensor_bytes
        sizes, nexts = head["ring_size"].tolist(), self._ring_next[rows].tolist()
        records = []
        for row, (size, following) in enumerate(zip(sizes, nexts, strict=True)):
            ring = rings[row * ring_bytes : (row + 1) * ring_bytes]
            # A ring that is not full begins at its first place; a full one where the next item will go.
            oldest = following * entry_bytes if size == self._ring_length else 0
            records.append(
                join_record(
                    heads[row * head_bytes : (row + 1) * head_bytes],
                    ring[oldest : size * entry_bytes],
                    ring[:oldest],
                    self._slot_head,
                    tensors[row * tensor_bytes : (row + 1) * tensor_bytes],
                )
            )
        return records

    def _encode_tensors(self, rows: Rows) -> bytes:
        """Return the rows' tensors, row after row, each row's in the manifest's order."""
        columns = [
            tensor.reshape(len(rows), math.prod(tensor.shape[1:])).view(np.uint8) for tensor in self.gather(rows)
        ]
        return np.concatenate(columns, axis=1).tobytes()

    def fill_ring(self, row: int, ring: bytes, item_index: Sequence[int]) -> None:
        """Fill a row's ring with the newest of these entries, oldest first, and what they are in the vocabulary."""
        entries = np.frombuffer(ring, dtype=RING_DTYPE)[-self._ring_length :]
        size = len(entries)
        self._ring[row, :size] = entries
        self._ring_items[row] = UNKNOWN_ITEM
        self._ring_items[row, :size] = item_index[len(item_index) - size :]
        self._ring_next[row] = size % self._ring_length
        self.head["ring_size"][row] = size

    def fill_tensors(self, row: int, encoded: bytes) -> None:
        """Fill a row's tensors from a record's slot.

        Raises:
            StateRecordError: If the bytes are not of the manifest's size.
        """
        if len(encoded) != self._tensor_bytes:
            raise StateRecordError(f"A slot holds {len(encoded)} bytes of tensors, its model has {self._tensor_bytes}.")
        position = 0
        for tensor in self._tensors:
            size = tensor[row].nbytes
            values: NDArray[np.floating] = np.frombuffer(encoded[position : position + size], dtype=tensor.dtype)
            tensor[row] = values.reshape(tensor.shape[1:])
            position += size
