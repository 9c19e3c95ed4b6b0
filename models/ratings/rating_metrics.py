"""RMSE and MAE of predicted ratings, each with a bootstrap interval over users. Legend in the package."""

import numpy as np
from numpy.typing import NDArray

from models.evaluation.metric_intervals import Interval, mean_intervals
from models.ratings.rating_data import Ratings, RatingSplit
from models.ratings.rating_predictor import RatingPredictor

RATING_METRICS = ("RMSE", "MAE")


def evaluate_ratings(
    predictor: RatingPredictor, split: RatingSplit, *, resamples: int = 1_000, seed: int = 0
) -> dict[str, Interval]:
    """Predict every rating after the cut and return RMSE and MAE; see `rating_intervals`."""
    return rating_intervals(split.test, predictor.predict(split), resamples=resamples, seed=seed)


def rating_intervals(
    ratings: Ratings, predicted: NDArray[np.float64], *, resamples: int = 1_000, seed: int = 0
) -> dict[str, Interval]:
    """Return RMSE and MAE with 95 % intervals.

    Args:
        ratings: What was given.
        predicted: What was expected, (P,).
        resamples: Of the bootstrap, which draws users with all their ratings.
        seed: The same seed draws the same users.
    """
    errors = predicted - ratings.value
    columns = {"RMSE": errors**2, "MAE": np.abs(errors)}
    intervals = mean_intervals(ratings.user_index, columns, resamples=resamples, seed=seed)
    squared = intervals["RMSE"]
    # The root keeps the order: it may be taken after the percentiles.
    root = Interval(*(float(np.sqrt(end)) for end in (squared.value, squared.low, squared.high)))
    return intervals | {"RMSE": root}
