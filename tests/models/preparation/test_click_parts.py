import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import DataError
from models.preparation.click_parts import kth_smallest

TIMES = st.lists(st.lists(st.integers(-(10**6), 2 * 10**12), max_size=8), min_size=1, max_size=5)


@given(pieces=TIMES, data=st.data())
def test_a_place_in_order_is_found_without_sorting(pieces: list[list[int]], data: st.DataObject) -> None:
    """Whatever pieces the numbers come in, and however far apart or equal they are."""
    together = sorted(number for piece in pieces for number in piece)
    if together:
        place = data.draw(st.integers(0, len(together) - 1))
        found = kth_smallest(lambda: (np.array(piece, dtype=np.int64) for piece in pieces), place)
        assert found == together[place]


def test_there_must_be_that_many_numbers() -> None:
    """Nothing has no smallest number, and two have no third."""
    with pytest.raises(DataError, match="no clicks to split"):
        kth_smallest(lambda: [np.zeros(0, dtype=np.int64)], 0)
    with pytest.raises(DataError, match="no number at place 2: there are 2"):
        kth_smallest(lambda: [np.array([5, 7])], 2)
