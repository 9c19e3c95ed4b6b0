import numpy as np
import pytest

from export.artifact import Artifact
from models.errors import StateRecordError
from workers.state_rows import StateRows

# hidden and cell, one layer of 8 float16 each.
ROW_BYTES = 2 * 8 * 2


def make_rows(artifact: Artifact, *fills: float) -> StateRows:
    """One row a number, every element of both tensors that number."""
    rows = StateRows(artifact.manifest, len(fills))
    filled = np.array(fills, np.float16).reshape(-1, 1, 1) * np.ones((1, 1, 8), np.float16)
    rows.scatter(range(len(fills)), (filled, filled))
    return rows


def test_a_new_row_is_clear(tiny_artifact: Artifact) -> None:
    """Zeros, the state of a user who has clicked nothing."""
    rows = StateRows(tiny_artifact.manifest, 2)
    assert rows.is_clear(0)
    assert rows.is_clear(1)
    assert rows.encode(0) == bytes(ROW_BYTES)


def test_gathered_rows_are_copies_in_the_order_asked_for(tiny_artifact: Artifact) -> None:
    """A list is ranked from the state after its click, whatever comes next."""
    rows = make_rows(tiny_artifact, 1, 2, 3)
    hidden, cell = rows.gather([2, 0])
    rows.clear([0, 1, 2])
    assert hidden[:, 0, 0].tolist() == [3, 1]
    assert cell[:, 0, 7].tolist() == [3, 1]


def test_only_the_rows_named_are_cleared_and_scattered(tiny_artifact: Artifact) -> None:
    """Neighbours keep their state."""
    rows = make_rows(tiny_artifact, 1, 2, 3)
    rows.clear([1])
    rows.scatter([2], tuple(np.full((1, 1, 8), 9, np.float16) for _ in range(2)))
    assert [rows.is_clear(row) for row in range(3)] == [False, True, False]
    assert [row[0, 0] for row in rows.gather([0, 1, 2])[0]] == [1, 0, 9]


def test_one_number_that_is_not_zero_is_a_state(tiny_artifact: Artifact) -> None:
    """In any tensor, be it the smallest that float16 has; a negative zero is still a zero."""
    rows = StateRows(tiny_artifact.manifest, 1)
    hidden, cell = rows.gather([0])
    hidden[0, 0, 3] = -0.0
    rows.scatter([0], (hidden, cell))
    assert rows.is_clear(0)
    cell[0, 0, 7] = 6e-8
    rows.scatter([0], (hidden, cell))
    assert not rows.is_clear(0)


def test_a_row_survives_its_encoding(tiny_artifact: Artifact) -> None:
    """Tensor after tensor, little endian, into any row of another batch."""
    rows = make_rows(tiny_artifact, 1, -2.5)
    encoded = rows.encode(1)
    assert encoded == np.float16(-2.5).tobytes() * 16
    others = make_rows(tiny_artifact, 7, 8, 9)
    others.decode(2, encoded)
    assert others.encode(2) == encoded
    assert others.encode(1) == np.float16(8).tobytes() * 16


@pytest.mark.parametrize("size", [*range(ROW_BYTES), ROW_BYTES + 1, ROW_BYTES + 2, 2 * ROW_BYTES])
def test_a_slot_of_another_size_is_refused_and_changes_nothing(tiny_artifact: Artifact, size: int) -> None:
    """Also an odd number of bytes, which no array of float16 has."""
    rows = make_rows(tiny_artifact, 1)
    before = rows.encode(0)
    with pytest.raises(StateRecordError, match=f"A slot holds {size} bytes of tensors, its model has {ROW_BYTES}"):
        rows.decode(0, bytes(size))
    assert rows.encode(0) == before


def test_no_users_need_no_rows(tiny_artifact: Artifact) -> None:
    """A micro-batch may hold nothing but rejections."""
    assert StateRows(tiny_artifact.manifest, 0).gather([])[0].shape == (0, 1, 8)
