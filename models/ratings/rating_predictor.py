"""What every rating model is to an evaluation. Legend in the package."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.ratings.rating_data import Ratings, RatingSplit


class RatingPredictor(Protocol):
    """A fitted model of ratings."""

    def predict(self, split: RatingSplit) -> NDArray[np.float64]:
        """Predict each rating after the cut, (P,), from `split.train` and the user's own ratings before it."""
        ...


class UserHistory:
    """One user's ratings on both sides of the cut.

    Attributes:
        item_index: What he rated, in order of time; -1 for an item that was not rated before the cut.
        value: How.
        known: How many of them lie before the cut.
        rows: Which of the P test ratings the others are, in order.
    """

    def __init__(self, split: RatingSplit, before: NDArray[np.int64], after: NDArray[np.int64]) -> None:
        train, test = split.train, split.test
        self.item_index = np.concatenate([train.item_index[before], test.item_index[after]])
        self.value = np.concatenate([train.value[before], test.value[after]])
        self.known = len(before)
        self.rows = after


def user_histories(split: RatingSplit) -> Iterator[UserHistory]:
    """Yield the history of every user who rates after the cut."""
    before, after = _rows_by_user(split.train.user_index), _rows_by_user(split.test.user_index)
    nothing = np.zeros(0, dtype=np.int64)
    for user, rows in after.items():
        yield UserHistory(split, before.get(user, nothing), rows)


def user_rows(ratings: Ratings) -> list[NDArray[np.int64]]:
    """Return which ratings each user gave, in order of time."""
    return list(_rows_by_user(ratings.user_index).values())


def _rows_by_user(user_index: NDArray[np.int64]) -> dict[int, NDArray[np.int64]]:
    order = np.argsort(user_index, kind="stable")
    users, starts = np.unique(user_index[order], return_index=True)
    return dict(zip(users.tolist(), np.split(order, starts[1:]), strict=True))
