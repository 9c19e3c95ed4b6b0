"""The largest entries of each row, against a sort of each."""

import numpy as np

from models.counts.ragged_rows import largest, places


def test_places_count_from_each_rows_start() -> None:
    assert places(np.array([2, 0, 3])).tolist() == [0, 1, 0, 1, 2]


def test_of_equal_entries_the_first_are_kept() -> None:
    value = np.array([1.0, 5.0, 5.0, 5.0, 7.0, 2.0])
    assert largest(value, np.array([4, 0, 2]), 2).tolist() == [False, True, True, False, True, True]


def test_rows_of_every_length() -> None:
    """Up to 300 entries of ten values, the twenty largest of each."""
    random = np.random.default_rng(0)
    length = random.integers(300, size=50)
    value = random.integers(10, size=int(length.sum())).astype(np.float64)
    expected = []
    for row in np.split(value, np.cumsum(length)[:-1]):
        is_largest = np.zeros(len(row), dtype=np.bool_)
        is_largest[np.argsort(-row, kind="stable")[:20]] = True
        expected.append(is_largest)
    assert largest(value, length, 20).tolist() == np.concatenate(expected).tolist()
