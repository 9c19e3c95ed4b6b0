"""A micro-batch's states as rows: gathered once, stepped in place, scattered back.

Legend: U rows (one a user of the batch, and one a click without consent), B rows of one step.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from export.artifact import Manifest
from export.runtime import State
from models.errors import StateRecordError


class StateRows:
    """The tensors of U rows, each tensor one contiguous array (U, ...) in the stored dtype.

    Args:
        manifest: Names the tensors, their shapes and dtypes.
        size: U; every row starts as zeros, the state of a user who has clicked nothing.
    """

    def __init__(self, manifest: Manifest, size: int) -> None:
        self._tensors: State = tuple(np.zeros((size, *tensor.shape), dtype=tensor.dtype) for tensor in manifest.state)
        # Bytes of one row's tensors.
        self._row_bytes = sum(np.dtype(tensor.dtype).itemsize * math.prod(tensor.shape) for tensor in manifest.state)

    def gather(self, rows: Sequence[int]) -> State:
        """Return copies of these rows, each tensor (B, ...)."""
        return tuple(tensor[rows] for tensor in self._tensors)

    def scatter(self, rows: Sequence[int], state: State) -> None:
        """Replace these rows, each tensor (B, ...)."""
        for tensor, replacement in zip(self._tensors, state, strict=True):
            tensor[rows] = replacement

    def clear(self, rows: Sequence[int]) -> None:
        """Start these rows over."""
        for tensor in self._tensors:
            tensor[rows] = 0

    def is_clear(self, row: int) -> bool:
        """Tell whether nothing that the model knows has reached this row."""
        return not any(tensor[row].any() for tensor in self._tensors)

    def encode(self, row: int) -> bytes:
        """Return the row's tensors as they are stored: little endian, in the manifest's order."""
        return b"".join(tensor[row].tobytes() for tensor in self._tensors)

    def decode(self, row: int, encoded: bytes) -> None:
        """Fill a row from what `encode` returned.

        Raises:
            StateRecordError: If the bytes are not of the manifest's size.
        """
        if len(encoded) != self._row_bytes:
            raise StateRecordError(f"A slot holds {len(encoded)} bytes of tensors, its model has {self._row_bytes}.")
        position = 0
        for tensor in self._tensors:
            size = tensor[row].nbytes
            values: NDArray[np.floating] = np.frombuffer(encoded[position : position + size], dtype=tensor.dtype)
            tensor[row] = values.reshape(tensor.shape[1:])
            position += size
