import pytest

from nextclick.comparison.holm import holm_adjusted


def test_holm_multiplies_the_smallest_most() -> None:
    """Holm 1979: 3 x .01; 2 x .02 = .04; .03 would fall below that, so .04 again."""
    assert holm_adjusted([0.03, 0.01, 0.02]) == pytest.approx((0.04, 0.03, 0.04))
    assert holm_adjusted([0.6, 0.7]) == (1.0, 1.0)
    assert holm_adjusted([0.04]) == (0.04,)
