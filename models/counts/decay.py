"""Sums of counts that halve every so many buckets, without overflow and the same on every machine.

A bucket b weighs 2 ** (b / H - E) in a sum that is kept for epoch E, a whole number of half lives: what came later
weighs more, and what is there already need not be touched. Before weights overflow E moves on, by an exact power of
two.

Legend: H half life in buckets, E epoch in half lives.
"""

from decimal import Decimal, localcontext
from functools import cache

import numpy as np
from numpy.typing import NDArray

# Weights stay below 2 ** 512: a sum of any number of them is far from the largest float64, 2 ** 1024.
MOST_HALF_LIVES = 512
# Enough digits that rounding to a float64, which has 17, is correct.
_DIGITS = 40


@cache
def powers_of_two(half_life: int) -> NDArray[np.float64]:
    """Return 2 ** (k / H) for k in 0 to H - 1, correctly rounded: numpy's exp2 differs between CPUs in the last bit."""
    with localcontext(prec=_DIGITS):
        step = Decimal(2) ** (Decimal(1) / half_life)
        powers = [Decimal(1)]
        for _ in range(half_life - 1):
            powers.append(powers[-1] * step)
        return np.array([float(power) for power in powers])


def power_of_two(buckets: int, half_life: int) -> float:
    """Return 2 ** (buckets / H), 0 where that is too small."""
    whole, rest = divmod(buckets, half_life)
    return float(np.ldexp(powers_of_two(half_life)[rest], whole))


class DecayClock:
    """What buckets weigh in a sum, and what the sum is worth later.

    Args:
        half_life: H.
    """

    def __init__(self, half_life: int) -> None:
        self._half_life = half_life
        self._epoch: int | None = None

    def advance(self, bucket: int) -> float:
        """Make ready to add a bucket; return what old sums are to be scaled by.

        A bucket may be older than those before: it weighs less then. The factor is a power of two, 1 nearly always.
        """
        whole = bucket // self._half_life
        if self._epoch is None:
            self._epoch = whole
        if whole - self._epoch < MOST_HALF_LIVES:
            return 1.0
        factor = float(np.ldexp(1.0, self._epoch - whole))
        self._epoch = whole
        return factor

    def weight(self, bucket: int) -> float:
        """Return what a count of this bucket adds to a sum."""
        return power_of_two(bucket - self._origin, self._half_life)

    def worth(self, bucket: int) -> float:
        """Return what a sum is to be multiplied by to read it at the end of this bucket: its own counts are worth 1."""
        return power_of_two(self._origin - bucket, self._half_life)

    @property
    def _origin(self) -> int:
        return 0 if self._epoch is None else self._epoch * self._half_life
