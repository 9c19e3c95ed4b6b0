"""Intervals and p-values of means and of paired differences, by resampling users.

The clicks of one user are not independent: a model that suits him suits him often. So the unit that is drawn, with
replacement, is the user with all his clicks (the cluster bootstrap: Davison and Hinkley, Bootstrap Methods and their
Application, 1997, section 3.8; Field and Welsh, JRSS B 69, 2007). The difference is paired, click by click, before
anything is drawn (Sakai, Evaluating Evaluation Metrics based on the Bootstrap, SIGIR 2006).

Written here rather than taken from a library: SciPy's bootstrap draws single observations, not clusters, and those that
draw clusters loop over them in Python. With the sums per user a resample is one row of a matrix product.

Legend: N clicks, U users, D differences, B resamples, C resamples at a time.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
# What is left of gains that cancel out is 0 then, whatever the order in which a processor added them up.
_DECIMALS = 12
# Drawn users that are in memory at once: 16 MiB as 8-byte numbers, twice over.
_DRAWS_AT_A_TIME = 2 * 1024 * 1024


@dataclass(frozen=True)
class Difference:
    """A mean difference over clicks.

    Attributes:
        value: As measured.
        low: Lower end of its 95 % interval.
        high: Upper end.
        p_value: Two-sided; never 0, as B resamples cannot tell less than 2 / (B + 1).
    """

    value: float
    low: float
    high: float
    p_value: float


def mean_differences(
    user_index: NDArray[np.int64], differences: NDArray[np.float64], *, resamples: int, seed: int
) -> tuple[Difference, ...]:
    """Return the mean of each column over all clicks, with what a bootstrap over users says of it.

    Percentile intervals (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3). The p-value is
    the level at which such an interval just touches 0: twice the share of resamples on the other side of 0, with the
    one that was measured among them (Davison and Hinkley, section 4.2.3 for the + 1).

    Args:
        user_index: Whose click, (N,).
        differences: What one list was worth more than the other, (N, D).
        resamples: B.
        seed: The same seed gives the same intervals.
    """
    sums, clicks = user_sums(user_index, differences)
    resampled = resampled_means(sums, clicks, resamples=resamples, seed=seed)  # (B, D)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail], axis=0)
    rarer_side = np.minimum((resampled <= 0).sum(axis=0), (resampled >= 0).sum(axis=0))
    p_values = np.minimum(1.0, 2 * (rarer_side + 1) / (resamples + 1))
    values = (sums.sum(axis=0) / clicks.sum()).round(_DECIMALS)
    return tuple(Difference(*map(float, one)) for one in zip(values, low, high, p_values, strict=True))


def user_sums(
    user_index: NDArray[np.int64], differences: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each user's sums, (U, D), and how many clicks they are of, (U,); users without a click are left out."""
    present, dense_index = np.unique(user_index, return_inverse=True)
    users = len(present)
    columns = [np.bincount(dense_index, weights=column, minlength=users) for column in differences.T]
    return np.stack(columns, axis=1), np.bincount(dense_index, minlength=users).astype(np.float64)


def resampled_means(
    sums: NDArray[np.float64], clicks: NDArray[np.float64], *, resamples: int, seed: int
) -> NDArray[np.float64]:
    """Return the means of B resamples, (B, D): U users are drawn, each brings all his clicks.

    How many clicks a resample has depends on who was drawn, so its mean is a ratio of two sums.

    Args:
        sums: Of each user's clicks, (U, D).
        clicks: How many those are, (U,).
        resamples: B.
        seed: Of the draws.
    """
    random = np.random.default_rng(seed)
    users = len(clicks)
    means = np.empty((resamples, sums.shape[1]))
    numerators_and_clicks = np.column_stack([sums, clicks])  # (U, D + 1)
    step = max(1, _DRAWS_AT_A_TIME // users)
    for start in range(0, resamples, step):
        count = min(step, resamples - start)
        totals = times_drawn(random, count, users) @ numerators_and_clicks  # (C, D + 1)
        means[start : start + count] = totals[:, :-1] / totals[:, -1:]
    return means.round(_DECIMALS)


def times_drawn(random: np.random.Generator, count: int, users: int) -> NDArray[np.float64]:
    """Return how often each of U users is drawn in each of C resamples, (C, U)."""
    times = np.empty((count, users))
    # A row at a time: its counts stay in the processor's cache.
    for row, drawn in enumerate(random.integers(users, size=(count, users))):
        times[row] = np.bincount(drawn, minlength=users)
    return times
