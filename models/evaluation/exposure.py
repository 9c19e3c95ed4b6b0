"""What the lists show of the catalogue: how much of it, how evenly, and how popular it was already.

Legend: P predictions, V items, K list length.
"""

import numpy as np
from numpy.typing import NDArray


def exposure_of(top_item: NDArray[np.int64], item_count: int) -> NDArray[np.int64]:
    """Return how often each item is listed, (V,), by lists (P, K) padded with -1."""
    return np.bincount(top_item[top_item >= 0], minlength=item_count)


def gini(exposure: NDArray[np.integer] | NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the Gini coefficient of exposures, (..., V) -> (...): 0 where all are alike, towards 1 where one has all.

    Fleder and Hosanagar, Blockbuster Culture's Next Rise or Fall, Management Science 55(5), 2009, section 3.1, by the
    formula for sorted values, sum of (2 i - V - 1) x_i over V times their sum. Items that no list holds count as 0.
    """
    ascending = np.sort(exposure, axis=-1)
    item_count = ascending.shape[-1]
    weights = 2 * np.arange(1, item_count + 1) - item_count - 1
    total = ascending.sum(axis=-1)
    uneven: NDArray[np.float64] = np.where(total > 0, (ascending @ weights) / (item_count * np.maximum(total, 1)), 0.0)
    return uneven


def mean_popularity(top_item: NDArray[np.int64], popularity: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the mean of the listed items' training clicks for each list, (P,).

    Its mean over lists is the average recommendation popularity, ARP: Yin et al., Challenging the Long Tail
    Recommendation, PVLDB 5(9), 2012, section 5.1.3, with clicks for ratings.

    Args:
        top_item: The lists, (P, K), padded with -1; an empty one counts as 0.
        popularity: Training clicks of every item, (V,).
    """
    listed = top_item >= 0
    clicks = np.where(listed, popularity[np.where(listed, top_item, 0)], 0).sum(axis=1, dtype=np.float64)
    mean: NDArray[np.float64] = clicks / np.maximum(listed.sum(axis=1), 1)
    return mean
