"""A few ratings whose predictions can be worked out by hand, then many made of known vectors."""

import math

import numpy as np
import polars as pl
import pytest

from models.errors import DataError
from models.preparation.prepared_data import CLICK_SCHEMA
from models.ratings.kinds import RatingModelConfig
from models.ratings.matrix_factorisation import MatrixFactorisation
from models.ratings.means import ItemMean, UserMean
from models.ratings.rating_data import RatingSplit, split_ratings
from models.ratings.rating_metrics import evaluate_ratings, rating_intervals


def make_table(*rows: tuple[str, str, float | None]) -> pl.DataFrame:
    """Ratings as (user, item, value), a second apart."""
    return pl.DataFrame(
        [(user, user, item, 1_000 * second, None, value) for second, (user, item, value) in enumerate(rows)],
        schema=CLICK_SCHEMA,
        orient="row",
    )


def make_split(train: list[tuple[str, str, float | None]], test: list[tuple[str, str, float | None]]) -> RatingSplit:
    """Ratings before and after the cut."""
    return split_ratings(make_table(*train), make_table(*test), "made")


def test_rows_are_those_of_the_items_rated_before_the_cut() -> None:
    """A later item has none; a click without a rating is no rating; users are numbered over both sides."""
    split = make_split([("u", "b", 4.0), ("v", "a", 2.0), ("v", "c", None)], [("w", "a", 3.0), ("u", "x", 5.0)])
    assert split.item_ids == ("a", "b")
    assert split.train.item_index.tolist() == [1, 0]
    assert split.test.item_index.tolist() == [0, -1]
    assert split.test.user_index.tolist() == [2, 0]
    assert (split.user_count, split.scale) == (3, (2.0, 4.0))


def test_data_without_ratings_is_refused() -> None:
    with pytest.raises(DataError, match="no rating after the cut"):
        make_split([("u", "a", 1.0)], [("u", "a", None)])


def test_a_users_mean_grows_with_what_he_rates() -> None:
    """The overall mean is 3; u rated 5 and then 1, v is new: (3 + 5) / 2, then (3 + 5 + 1) / 3."""
    split = make_split([("u", "a", 5.0), ("w", "a", 1.0)], [("u", "a", 1.0), ("v", "a", 5.0), ("u", "a", 4.0)])
    assert UserMean(damping=1).fit(split).predict(split) == pytest.approx([4.0, 3.0, 3.0])
    assert UserMean(damping=0).fit(split).predict(split) == pytest.approx([5.0, 3.0, 3.0])


def test_an_items_mean_is_that_of_before_the_cut() -> None:
    """a: (3 + 5 + 5) / 3; b: (3 - 1) / 2, damped by one rating of 3; x was never rated."""
    train: list[tuple[str, str, float | None]] = [("u", "a", 5.0), ("v", "a", 5.0), ("u", "b", 1.0), ("v", "b", 1.0)]
    split = make_split(train, [("u", "a", 1.0), ("w", "b", 1.0), ("w", "x", 1.0)])
    assert ItemMean(damping=1).fit(split).predict(split) == pytest.approx([13 / 3, 5 / 3, 3.0])


def made_of_vectors(seed: int = 0, users: int = 80, items: int = 40, factors: int = 2) -> RatingSplit:
    """Ratings that two factors and biases explain, with a little noise; the last ten users begin after the cut."""
    random = np.random.default_rng(seed)
    people, things = random.normal(0, 1, (users, factors)), random.normal(0, 1, (items, factors))
    person_bias, thing_bias = random.normal(0, 0.5, users), random.normal(0, 0.5, items)
    exact = 3 + person_bias[:, None] + thing_bias + people @ things.T + random.normal(0, 0.1, (users, items))
    pairs = [(user, item) for user in range(users) for item in range(items)]
    random.shuffle(pairs)
    later = [pair for number, pair in enumerate(pairs) if pair[0] >= users - 10 or number % 5 == 0]
    sooner = [pair for number, pair in enumerate(pairs) if pair[0] < users - 10 and number % 5]
    first, last = (
        [(f"u{user:03}", f"i{item:03}", float(exact[user, item])) for user, item in part] for part in (sooner, later)
    )
    return split_ratings(make_table(*first), make_table(*last), "made")


def test_factorisation_finds_the_vectors_that_made_the_ratings() -> None:
    """It leaves little more than the noise for those it knows; means cannot."""
    split = made_of_vectors()
    models: dict[str, RatingModelConfig] = {
        "factors": MatrixFactorisation(factors=2, regularisation=0.1),
        "users": UserMean(),
        "items": ItemMean(),
    }
    error = {name: evaluate_ratings(config.fit(split), split)["RMSE"].value for name, config in models.items()}
    assert error["factors"] < 0.45
    assert error["factors"] < error["users"] / 2
    assert error["factors"] < error["items"] / 2


def test_a_new_user_is_placed_by_his_own_ratings() -> None:
    """His tenth rating and those after it are predicted far better than his first."""
    split = made_of_vectors()
    predicted = MatrixFactorisation(factors=2, regularisation=0.1).fit(split).predict(split)
    squared = (predicted - split.test.value) ** 2
    new = split.test.user_index >= split.user_count - 10
    place = np.zeros(len(split.test), dtype=np.int64)
    for user in np.unique(split.test.user_index):
        place[split.test.user_index == user] = np.arange(np.count_nonzero(split.test.user_index == user))
    assert squared[new & (place >= 10)].mean() < 0.1 * squared[new & (place == 0)].mean()


@pytest.mark.parametrize("config", [UserMean(), ItemMean(), MatrixFactorisation(factors=2, sweeps=2)])
def test_no_prediction_knows_a_later_rating(config: RatingModelConfig) -> None:
    """Another last rating of every user changes no prediction: not of his, not of anybody's."""
    split = made_of_vectors(users=20, items=12)
    changed = split.test.value.copy()
    last = {int(user): row for row, user in enumerate(split.test.user_index)}
    changed[list(last.values())] = 1.0
    other = RatingSplit(
        split.train,
        type(split.test)(split.test.user_index, split.test.item_index, changed, split.test.timestamp_ms),
        split.user_count,
        split.item_ids,
    )
    predictor = config.fit(split)
    assert predictor.predict(other) == pytest.approx(predictor.predict(split))


def test_rmse_and_mae_are_of_the_errors() -> None:
    """Errors of 0, 1 and -2."""
    split = make_split([("u", "a", 1.0)], [("u", "a", 3.0), ("u", "a", 3.0), ("v", "a", 3.0)])
    found = rating_intervals(split.test, np.array([3.0, 4.0, 1.0]))
    assert found["RMSE"].value == pytest.approx(math.sqrt(5 / 3))
    assert found["MAE"].value == pytest.approx(1.0)
    assert found["MAE"].low == pytest.approx(0.5)
    assert found["MAE"].high == pytest.approx(2.0)
