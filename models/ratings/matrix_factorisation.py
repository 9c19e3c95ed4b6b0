"""`matrix_factorisation`: users and items as vectors with biases, by alternating least squares. Legend in the package.

Koren, Bell and Volinsky, Matrix Factorization Techniques for Recommender Systems, IEEE Computer 42(8), 2009, equations
4 and 5: a rating is mean + b_u + b_i + q_i . p_u, and the sum of squared errors plus `regularisation` times the squared
length of everything learned is made small. With one side fixed the other is a ridge regression, solved exactly. The
same regression places a user by what he has rated so far, so that a user who begins after the cut is no special case.

In numpy, because the libraries at hand do something else: `implicit` factorises clicks without ratings, and
`scikit-surprise`, which has this model, cannot place users after training.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.bounds import AtLeastOne, AtLeastZero, Positive
from models.ratings.rating_data import Ratings, RatingSplit
from models.ratings.rating_predictor import UserHistory, user_histories


class MatrixFactorisation(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="matrix_factorisation"
):
    """Biased matrix factorisation.

    Attributes:
        factors: D.
        regularisation: The ridge of each regression.
        sweeps: How often users and items are solved for in turn.
        seed: Of the items' first factors.
    """

    factors: AtLeastOne = 10
    regularisation: Positive = 5.0
    sweeps: AtLeastOne = 15
    seed: AtLeastZero = 0

    def fit(self, split: RatingSplit) -> "MatrixFactorisationPredictor":
        """Learn the items from the ratings before the cut."""
        train = split.train
        overall = float(train.value.mean())
        first = np.random.default_rng(self.seed).normal(0, 0.1, (split.item_count, self.factors))
        items: NDArray[np.float64] = np.column_stack([np.zeros(split.item_count), first])  # (V, 1 + D): bias, factors
        by_user = _Side(train.user_index, train.item_index, split.user_count)
        by_item = _Side(train.item_index, train.user_index, split.item_count)
        for _ in range(self.sweeps):
            users = by_user.solved(train, items, overall, self.regularisation)
            items = by_item.solved(train, users, overall, self.regularisation)
        return MatrixFactorisationPredictor(overall, items, self.regularisation)


class _Side:
    """The ratings of each row of one side, and what they are of on the other.

    Args:
        own: The row of each rating on this side, (N,).
        other: Its row on the other side, (N,).
        count: Rows of this side.
    """

    def __init__(self, own: NDArray[np.int64], other: NDArray[np.int64], count: int) -> None:
        self._order = np.argsort(own, kind="stable")
        self._starts = np.searchsorted(own[self._order], np.arange(count + 1))
        self._other = other[self._order]

    def solved(
        self, ratings: Ratings, others: NDArray[np.float64], overall: float, regularisation: float
    ) -> NDArray[np.float64]:
        """Solve for this side's biases and factors with the other's fixed; a row without ratings is zeros."""
        value = ratings.value[self._order] - overall
        solved = np.zeros((len(self._starts) - 1, others.shape[1]))
        for row in range(len(solved)):
            part = slice(self._starts[row], self._starts[row + 1])
            inputs, targets = _regression(others[self._other[part]], value[part])
            solved[row] = _ridge(inputs.T @ inputs, inputs.T @ targets, regularisation)
        return solved


def _regression(
    others: NDArray[np.float64], value: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Turn n ratings of one row into a regression on (1, the other side's factors), its bias taken off the target."""
    return np.column_stack([np.ones(len(value)), others[:, 1:]]), value - others[:, 0]


def _ridge(gram: NDArray[np.float64], moment: NDArray[np.float64], regularisation: float) -> NDArray[np.float64]:
    return np.linalg.solve(gram + regularisation * np.eye(len(gram)), moment).astype(np.float64, copy=False)


class MatrixFactorisationPredictor:
    """Places each user by his ratings so far and predicts the next one.

    Args:
        overall: The mean rating before the cut.
        items: Bias and factors of each item, (V, 1 + D).
        regularisation: The ridge of the regression that places a user.
    """

    def __init__(self, overall: float, items: NDArray[np.float64], regularisation: float) -> None:
        self._overall = overall
        self._items = items
        self._regularisation = regularisation

    def predict(self, split: RatingSplit) -> NDArray[np.float64]:
        """Predict each rating after the cut, within the scale of the ratings before it."""
        predicted = np.empty(len(split.test))
        for history in user_histories(split):
            predicted[history.rows] = self._predict_user(history)
        return np.clip(predicted, *split.scale)

    def _predict_user(self, history: UserHistory) -> NDArray[np.float64]:
        """Predict one user's ratings after the cut, each from those before it."""
        known = history.item_index >= 0
        items = np.where(known[:, None], self._items[np.maximum(history.item_index, 0)], 0.0)
        inputs, targets = _regression(items, history.value - self._overall)
        # A rating of an unknown item tells of the user's bias all the same: the item's own is taken to be 0.
        before = inputs[: history.known]
        gram, moment = before.T @ before, before.T @ targets[: history.known]
        predicted = np.empty(len(history.rows))
        for place, rating in enumerate(range(history.known, len(targets))):
            user = _ridge(gram, moment, self._regularisation)
            predicted[place] = self._overall + items[rating, 0] + inputs[rating] @ user
            gram = gram + np.outer(inputs[rating], inputs[rating])
            moment = moment + targets[rating] * inputs[rating]
        return predicted
