"""`user_mean` and `item_mean`: what a user, or an item, is usually rated, and no more. Legend in the package.

Both are damped: (mean of all x damping + sum of ratings) / (damping + their number), so that one rating does not decide
(Funk, Netflix Update, 2006; Koren, Factor in the Neighbors, ACM TKDD 4(1), 2010, section 2.1).
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.bounds import NotNegative
from models.ratings.rating_data import RatingSplit
from models.ratings.rating_predictor import user_histories


class UserMean(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="user_mean"):
    """A user's mean rating so far.

    Attributes:
        damping: How many ratings of the overall mean each user begins with.
    """

    damping: NotNegative = 3.0

    def fit(self, split: RatingSplit) -> "UserMeanPredictor":
        """Take the mean of all ratings before the cut."""
        return UserMeanPredictor(float(split.train.value.mean()), self.damping)


class UserMeanPredictor:
    """Predicts each user's damped mean.

    Args:
        overall: The mean rating before the cut.
        damping: How many ratings it counts for.
    """

    def __init__(self, overall: float, damping: float) -> None:
        self._overall = overall
        self._damping = damping

    def predict(self, split: RatingSplit) -> NDArray[np.float64]:
        """Predict each rating after the cut from the user's ratings before it."""
        predicted = np.full(len(split.test), self._overall)
        for history in user_histories(split):
            # Deviations, so that without damping a user's first rating is the overall mean and not 0 / 0.
            deviations = np.concatenate([[0.0], np.cumsum(history.value - self._overall)])[history.known : -1]
            counts = history.known + np.arange(len(history.rows)) + self._damping
            predicted[history.rows] += deviations / np.maximum(counts, 1e-9)
        return predicted


class ItemMean(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="item_mean"):
    """An item's mean rating before the cut.

    Attributes:
        damping: How many ratings of the overall mean each item begins with.
    """

    damping: NotNegative = 3.0

    def fit(self, split: RatingSplit) -> "ItemMeanPredictor":
        """Take the means of the ratings before the cut."""
        train = split.train
        overall = float(train.value.mean())
        sums = np.bincount(train.item_index, weights=train.value - overall, minlength=split.item_count)
        counts = np.bincount(train.item_index, minlength=split.item_count)
        return ItemMeanPredictor(overall, overall + sums / (counts + self.damping))


class ItemMeanPredictor:
    """Predicts each item's damped mean, whoever rates it.

    Attributes:
        overall: For an item that was not rated before the cut.
        means: Of the others, (V,).
    """

    def __init__(self, overall: float, means: NDArray[np.float64]) -> None:
        self.overall = overall
        self.means = means

    def predict(self, split: RatingSplit) -> NDArray[np.float64]:
        """Predict each rating after the cut by its item."""
        item = split.test.item_index
        return np.where(item >= 0, self.means[np.maximum(item, 0)], self.overall)
