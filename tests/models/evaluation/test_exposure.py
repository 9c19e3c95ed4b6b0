import numpy as np
import pytest

from models.evaluation.exposure import exposure_of, gini, mean_popularity


def test_exposure_counts_the_lists_that_hold_an_item() -> None:
    """A list that could not be filled ends in -1, which is no item."""
    assert exposure_of(np.array([[0, 2], [2, -1]]), item_count=4).tolist() == [1, 0, 2, 0]


@pytest.mark.parametrize(
    ("exposure", "expected"),
    [([5, 5, 5, 5], 0.0), ([0, 0, 0, 8], 3 / 4), ([1, 3], 1 / 4), ([3, 1], 1 / 4), ([0, 0, 0], 0.0)],
)
def test_gini_is_nought_for_equals_and_nearly_one_where_one_has_all(exposure: list[int], expected: float) -> None:
    """Of V items one alone gives 1 - 1/V; of two with 1 and 3 it is a quarter; nothing shown is nothing uneven."""
    assert gini(np.array(exposure)) == pytest.approx(expected)


def test_gini_of_several_exposures_at_once() -> None:
    assert gini(np.array([[1, 1], [0, 2]])) == pytest.approx([0.0, 0.5])


def test_mean_popularity_is_over_the_items_that_are_listed() -> None:
    """(10 + 30) / 2; 20 alone; an empty list counts as 0."""
    top_item = np.array([[0, 2], [1, -1], [-1, -1]])
    assert mean_popularity(top_item, np.array([10, 20, 30])).tolist() == [20, 20, 0]
