import struct
from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from export.artifact import Artifact
from models.errors import StateRecordError
from workers.state_arena import UNKNOWN_ITEM, StateArena
from workers.user_state import decode_state, ring_entries

# hidden and cell, one layer of 8 float16 each.
ROW_BYTES = 2 * 8 * 2


def make_arena(artifact: Artifact, *fills: float, ring_length: int = 5) -> StateArena:
    """One row a number, every element of both tensors that number."""
    arena = StateArena(structs.replace(artifact.manifest, ring_length=ring_length), len(fills))
    filled = np.array(fills, np.float16).reshape(-1, 1, 1) * np.ones((1, 1, 8), np.float16)
    arena.scatter(np.arange(len(fills)), (filled, filled))
    return arena


def tensors_of(arena: StateArena, row: int) -> bytes:
    """A row's tensors as its record has them."""
    return decode_state(arena.encode(np.array([row]))[0]).slots[0][1]


def test_a_new_row_is_clear(tiny_artifact: Artifact) -> None:
    """Zeros, the state of a user who has clicked nothing."""
    arena = StateArena(tiny_artifact.manifest, 2)
    assert arena.are_clear(np.array([1, 0])).tolist() == [True, True]
    assert tensors_of(arena, 0) == bytes(ROW_BYTES)


def test_gathered_rows_are_copies_in_the_order_asked_for(tiny_artifact: Artifact) -> None:
    """A list is ranked from the state after its click, whatever comes next."""
    arena = make_arena(tiny_artifact, 1, 2, 3)
    hidden, cell = arena.gather(np.array([2, 0]))
    arena.clear(np.array([0, 1, 2]))
    assert hidden[:, 0, 0].tolist() == [3, 1]
    assert cell[:, 0, 7].tolist() == [3, 1]


def test_only_the_rows_named_are_cleared_and_scattered(tiny_artifact: Artifact) -> None:
    """Neighbours keep their state."""
    arena = make_arena(tiny_artifact, 1, 2, 3)
    arena.clear(np.array([1]))
    arena.scatter(np.array([2]), tuple(np.full((1, 1, 8), 9, np.float16) for _ in range(2)))
    assert arena.are_clear(np.arange(3)).tolist() == [False, True, False]
    assert arena.gather(np.arange(3))[0][:, 0, 0].tolist() == [1, 0, 9]


def test_one_number_that_is_not_zero_is_a_state(tiny_artifact: Artifact) -> None:
    """In any tensor, be it the smallest that float16 has; a negative zero is still a zero."""
    arena = StateArena(tiny_artifact.manifest, 1)
    row = np.array([0])
    hidden, cell = arena.gather(row)
    hidden[0, 0, 0] = hidden[0, 0, 3] = -0.0
    arena.scatter(row, (hidden, cell))
    assert arena.are_clear(row)[0]
    cell[0, 0, 7] = 6e-8
    arena.scatter(row, (hidden, cell))
    assert not arena.are_clear(row)[0]


def test_tensors_survive_their_record(tiny_artifact: Artifact) -> None:
    """Tensor after tensor, little endian, into any row of another arena."""
    encoded = tensors_of(make_arena(tiny_artifact, 1, -2.5), 1)
    assert encoded == np.float16(-2.5).tobytes() * 16
    others = make_arena(tiny_artifact, 7, 8, 9)
    others.fill_tensors(2, encoded)
    assert tensors_of(others, 2) == encoded
    assert tensors_of(others, 1) == np.float16(8).tobytes() * 16


@pytest.mark.parametrize("size", [*range(ROW_BYTES), ROW_BYTES + 1, ROW_BYTES + 2, 2 * ROW_BYTES])
def test_a_slot_of_another_size_is_refused_and_changes_nothing(tiny_artifact: Artifact, size: int) -> None:
    """Also an odd number of bytes, which no array of float16 has."""
    arena = make_arena(tiny_artifact, 1)
    before = tensors_of(arena, 0)
    with pytest.raises(StateRecordError, match=f"A slot holds {size} bytes of tensors, its model has {ROW_BYTES}"):
        arena.fill_tensors(0, bytes(size))
    assert tensors_of(arena, 0) == before


@given(
    clicks=st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(-(2**63), 2**63 - 1)), max_size=12),
    loaded=st.integers(0, 8),
    ring_length=st.integers(1, 6),
)
def test_a_ring_is_a_queue_of_r(
    tiny_artifact: Artifact, clicks: list[tuple[int, int]], loaded: int, ring_length: int
) -> None:
    """Oldest first in the record, however many of its clicks were loaded and however many came after."""
    expected = deque(clicks, maxlen=ring_length)
    arena = make_arena(tiny_artifact, 0, 0, ring_length=ring_length)
    row = np.array([1])
    arena.fill_ring(1, b"".join(struct.pack("<Qq", *click) for click in clicks[:loaded]), range(len(clicks[:loaded])))
    for number, (item_hash, timestamp_ms) in enumerate(clicks[loaded:], start=loaded):
        arena.append_to_rings(row, np.array([item_hash], np.uint64), np.array([number]), np.array([timestamp_ms]))
    state = decode_state(arena.encode(row)[0])
    assert ring_entries(state.ring) == list(expected)
    items = [item for item in arena.ring_items(row, ring_length)[0].tolist() if item != UNKNOWN_ITEM]
    assert sorted(items) == list(range(len(clicks)))[-ring_length:]
    assert ring_entries(decode_state(arena.encode(np.array([0]))[0]).ring) == []


def test_a_cleared_row_remembers_nothing(tiny_artifact: Artifact) -> None:
    """Neither head nor ring nor items: whoever gets the row next begins with nothing."""
    arena = make_arena(tiny_artifact, 3)
    row = np.array([0])
    arena.append_to_rings(row, np.array([7], np.uint64), np.array([2]), np.array([5]))
    arena.head["clicks"] = 4
    arena.rebuilt[0] = True
    arena.clear(row)
    assert arena.encode(row) == make_arena(tiny_artifact, 0).encode(row)
    assert (arena.ring_items(row, 5) == UNKNOWN_ITEM).all()
    assert not arena.rebuilt.any()


def test_no_users_need_no_rows(tiny_artifact: Artifact) -> None:
    """A micro-batch may hold nothing but rejections."""
    nobody = np.array([], dtype=np.int64)
    arena = StateArena(tiny_artifact.manifest, 0)
    assert arena.gather(nobody)[0].shape == (0, 1, 8)
    assert arena.encode(nobody) == []
