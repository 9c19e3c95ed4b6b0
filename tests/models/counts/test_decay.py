"""Decayed sums against the definition, and far beyond what a float64 holds."""

import math

import pytest

from models.counts.decay import DecayClock, power_of_two, powers_of_two


def test_half_lives_are_exact_powers() -> None:
    assert [power_of_two(buckets, 6) for buckets in (0, 6, 12, -6)] == [1.0, 2.0, 4.0, 0.5]


def test_powers_between_are_those_of_mathematics() -> None:
    """Within one unit in the last place of what libm computes."""
    assert powers_of_two(1_080).tolist() == pytest.approx([2 ** (k / 1_080) for k in range(1_080)], rel=2e-16)
    assert power_of_two(-7, 180) == pytest.approx(2 ** (-7 / 180), rel=3e-16)


def test_a_sum_halves_every_half_life_over_ten_thousand_of_them() -> None:
    """A click a half life for 10,000 half lives: 1 + 1/2 + 1/4 + ... = 2 at each, where 2 ** 10,000 overflows."""
    clock, total = DecayClock(36), 0.0
    for number in range(10_000):
        total *= clock.advance(36 * number)
        total += clock.weight(36 * number)
    assert math.isfinite(total)
    assert total * clock.worth(36 * 9_999) == 2.0
    assert total * clock.worth(36 * 10_000) == 1.0


def test_what_is_long_ago_is_worth_nothing() -> None:
    clock = DecayClock(36)
    clock.advance(100)
    assert clock.weight(100) * clock.worth(36 * 100_000) == 0.0
