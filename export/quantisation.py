"""int8 for coarse scores: seven bits a component of an item, eight a component of a query.

A CPU without VNNI adds two products of an unsigned and a signed byte in sixteen bits, and saturates there. With items
in [-64, 64] two products reach 2 * 255 * 64 = 32,640, below 32,767: nothing saturates, and every CPU has the same sums.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ITEM_MAX = 64
# Unsigned queries have their zero here, and reach as far as a signed byte does on both sides.
QUERY_ZERO = 128
QUERY_MAX = 127
# A query of zeros divides by this instead of by 0.
SMALLEST_SCALE = 1e-30


class QuantisedItems(NamedTuple):
    """Rows of a table in bytes: `codes * scale` is nearly the table.

    Attributes:
        codes: In [-64, 64].
        scale: One for all rows, so that a coarse score needs no factor of its item's own.
    """

    codes: NDArray[np.int8]
    scale: np.float32


def quantise_items(table: NDArray[np.float32]) -> QuantisedItems:
    """Round a table to bytes."""
    scale = np.float32(max(float(np.abs(table).max(initial=0)) / ITEM_MAX, SMALLEST_SCALE))
    return QuantisedItems(np.rint(table / scale).clip(-ITEM_MAX, ITEM_MAX).astype(np.int8), scale)
