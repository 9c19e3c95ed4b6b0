import numpy as np
import pytest

from export.quantisation import ITEM_MAX, QUERY_MAX, QUERY_ZERO, quantise_items


def test_no_pair_of_products_leaves_sixteen_bits() -> None:
    """What a CPU without VNNI adds in one step: two products of a query's byte, 0 to 255, and an item's."""
    codes, _ = quantise_items(np.array([[-7.0, 7.0, 0.1, 3.0]], np.float32))
    item = np.array([codes.min(), codes.max()], dtype=np.int64)
    assert item.tolist() == [-ITEM_MAX, ITEM_MAX]
    query = np.array([0, QUERY_ZERO + QUERY_MAX], dtype=np.int64)
    assert query.max() == 255
    assert 2 * np.abs(np.outer(query, item)).max() <= np.iinfo(np.int16).max


def test_items_are_rounded_to_the_nearest_of_129_levels() -> None:
    """By one scale for the table, that of its largest component."""
    codes, scale = quantise_items(np.array([[0.64, -0.32], [0.014, 0.016]], np.float32))
    assert scale == pytest.approx(0.01)
    assert codes.tolist() == [[64, -32], [1, 2]]


def test_a_table_of_zeros_stays_one() -> None:
    """Padding alone in a tile: nothing is divided by 0."""
    codes, scale = quantise_items(np.zeros((2, 3), np.float32))
    assert not codes.any()
    assert scale > 0
