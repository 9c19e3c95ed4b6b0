"""The bootstrap draws users, and its intervals hold as often as they say."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from models.evaluation import bootstrap
from models.evaluation.bootstrap import mean_differences, resampled_means, user_sums


def clustered(seed: int, users: int = 60, between: float = 0.5) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Make differences whose mean is 0: of each user's own, and of his clicks around it."""
    random = np.random.default_rng(seed)
    user_index = np.repeat(np.arange(users), random.integers(1, 12, users))
    own = random.normal(0, between, users)
    return user_index, (own[user_index] + random.normal(0, 0.5, len(user_index)))[:, None]


def test_sums_are_those_of_each_user() -> None:
    """Users without a click, 1 and 3 here, are left out."""
    sums, clicks = user_sums(np.array([4, 0, 4, 2]), np.array([[1.0, 0], [0, 1], [2, 0], [5, 5]]))
    assert sums.tolist() == [[0, 1], [5, 5], [3, 0]]
    assert clicks.tolist() == [1, 1, 2]


@pytest.mark.parametrize("draws_at_a_time", [1, 300, 1_000_000])
def test_it_is_what_a_loop_over_users_and_clicks_gives(draws_at_a_time: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every resample, drawn by the same numbers, and however many of them are in memory at once."""
    monkeypatch.setattr(bootstrap, "_DRAWS_AT_A_TIME", draws_at_a_time)
    user_index, differences = clustered(3, users=17)
    resampled = resampled_means(*user_sums(user_index, differences), resamples=50, seed=9)
    drawn = np.random.default_rng(9).integers(17, size=(50, 17))
    for means, users in zip(resampled, drawn.tolist(), strict=True):
        brought = [differences[click, 0] for user in users for click in np.flatnonzero(user_index == user)]
        assert means[0] == pytest.approx(sum(brought) / len(brought), abs=1e-12)


def test_users_of_one_click_give_the_textbooks_interval() -> None:
    """Then a mean is normal: 1.96 standard errors on either side."""
    random = np.random.default_rng(2)
    values = random.normal(0.05, 1, 4_000)
    (found,) = mean_differences(np.arange(4_000), values[:, None], resamples=4_000, seed=1)
    error = values.std() / math.sqrt(4_000)
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - 1.96 * error, abs=0.06 * error)
    assert found.high == pytest.approx(values.mean() + 1.96 * error, abs=0.06 * error)
    from_normal = math.erfc(abs(values.mean()) / error / math.sqrt(2))
    assert found.p_value == pytest.approx(from_normal, abs=0.25 * from_normal)


def test_intervals_hold_as_often_as_they_say() -> None:
    """95 % with sixty users, a little less as percentile intervals do; by clicks alone, far less."""
    users_hold = clicks_hold = 0
    for seed in range(400):
        user_index, differences = clustered(seed)
        (by_user,) = mean_differences(user_index, differences, resamples=400, seed=seed)
        (by_click,) = mean_differences(np.arange(len(user_index)), differences, resamples=400, seed=seed)
        users_hold += by_user.low <= 0 <= by_user.high
        clicks_hold += by_click.low <= 0 <= by_click.high
    assert 0.91 <= users_hold / 400 <= 0.975
    assert clicks_hold / 400 < 0.8


def test_p_values_are_as_small_as_they_say() -> None:
    """Without a difference, one in twenty is below 0.05."""
    p_values = []
    for seed in range(400):
        user_index, differences = clustered(seed + 1_000)
        p_values.append(mean_differences(user_index, differences, resamples=400, seed=seed)[0].p_value)
    assert 0.03 <= np.mean(np.array(p_values) < 0.05) <= 0.09
    assert 0.4 <= np.mean(np.array(p_values) < 0.5) <= 0.6


def test_no_difference_is_exactly_none() -> None:
    (found,) = mean_differences(np.array([0, 0, 1, 2]), np.zeros((4, 1)), resamples=300, seed=0)
    assert (found.value, found.low, found.high, found.p_value) == (0, 0, 0, 1)


def test_gains_that_cancel_out_are_none() -> None:
    """.1 + .2 - .3 is not 0 in floating point, and is no side to be on."""
    differences = np.tile([0.1, 0.2, -0.3], 40)[:, None]
    (found,) = mean_differences(np.repeat(np.arange(40), 3), differences, resamples=300, seed=0)
    assert (found.value, found.low, found.high, found.p_value) == (0, 0, 0, 1)


def test_the_seed_is_all_the_chance_there_is() -> None:
    user_index, differences = clustered(5)
    runs = [mean_differences(user_index, differences, resamples=300, seed=seed) for seed in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]


def test_a_p_value_is_never_zero() -> None:
    (found,) = mean_differences(np.arange(50), np.ones((50, 1)), resamples=999, seed=0)
    assert found.p_value == pytest.approx(2 / 1_000)
