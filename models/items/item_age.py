"""How an item's age makes it clicked: what publish time says of news, beside what the text does.

The graphs know no clock, and an item's vector is the same all day: what ages is a bias an item, which a worker takes
from its `item_bias` file and adds to every list's scores. Here is what to write there, learnt from the training clicks:
the logarithm of how often an item of an age is clicked, by the exposure, as event rates are:

    rate(a) = clicks on items of age a / time that items spent at age a in the training period

An item that is not published yet has a bias of -inf: it may not be listed.

Legend: V items, N moments, A buckets of age.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import DataError

MS_PER_HOUR = 3_600_000
# Ages in hours: finer where news ages fast. The last bucket has no end.
BUCKET_HOURS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 24.0, 36.0, 48.0, 72.0, 168.0)
# Added to the clicks of every bucket: one that was never clicked is rare and not impossible.
_PRIOR_CLICKS = 0.5
# When each of N clicks was, and when its item was published, milliseconds since 1970: (N,) both.
Clicked = tuple[NDArray[np.int64], NDArray[np.int64]]


@dataclass(frozen=True)
class AgeCurve:
    """The bias of each age.

    Attributes:
        start_ms: Where each bucket of age begins, (A,).
        bias: Of each bucket, (A,): logarithms of rates, 0 where an item of any age is clicked as often as the mean one.
    """

    start_ms: NDArray[np.float64]
    bias: NDArray[np.float64]

    def bias_at(self, published_ms: NDArray[np.int64], now_ms: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return every item's bias at N moments, (V,) and (N,) -> (N, V)."""
        age = now_ms[:, None] - published_ms  # (N, V)
        bucket = np.searchsorted(self.start_ms, age, side="right") - 1
        return np.where(age < 0, -np.inf, self.bias[np.maximum(bucket, 0)]).astype(np.float32)


def fit_age_curve(clicked: Iterable[Clicked], published_ms: NDArray[np.int64]) -> AgeCurve:
    """Learn how age makes an item clicked.

    Args:
        clicked: The training clicks, in pieces.
        published_ms: When every item was published that could have been clicked, (V,).

    Raises:
        DataError: If there is no click.
    """
    start_ms = np.array(BUCKET_HOURS) * MS_PER_HOUR
    clicks = np.zeros(len(start_ms), dtype=np.int64)
    first_ms, last_ms = math.inf, -math.inf
    for clicked_ms, clicked_published_ms in clicked:
        if not len(clicked_ms):
            continue
        # A click before its item's publication is an item's correction: it counts for the newest.
        age = np.maximum(clicked_ms - clicked_published_ms, 0)
        clicks += np.bincount(np.searchsorted(start_ms, age, side="right") - 1, minlength=len(start_ms))
        first_ms, last_ms = min(first_ms, int(clicked_ms.min())), max(last_ms, int(clicked_ms.max()))
    if not clicks.any():
        raise DataError("There are no training clicks to learn from how items age.")
    exposure = _exposure_ms(start_ms, published_ms, first_ms, last_ms)
    rate = (clicks + _PRIOR_CLICKS) / np.maximum(exposure, MS_PER_HOUR)
    return AgeCurve(start_ms, np.log(rate * exposure.sum() / clicks.sum()))


def _exposure_ms(
    start_ms: NDArray[np.float64], published_ms: NDArray[np.int64], first_ms: float, last_ms: float
) -> NDArray[np.float64]:
    """Return how long all items together were of each bucket's age between two moments, (A,)."""
    begin = published_ms[:, None] + start_ms  # (V, A)
    end = published_ms[:, None] + np.append(start_ms[1:], np.inf)
    spent = np.clip(np.minimum(end, last_ms) - np.maximum(begin, first_ms), 0, None)
    exposure: NDArray[np.float64] = spent.sum(axis=0)
    return exposure
