"""Small sessions whose lists can be worked out by hand, one baseline after the other."""

import math

import numpy as np
import pytest

from models.baselines.item_knn import ItemKNN
from models.baselines.kinds import BaselineConfig
from models.baselines.popularity import Popularity
from models.baselines.recency import Recency
from models.baselines.session_knn import SessionKNN
from models.baselines.user_knn import UserKNN
from models.sequences.encoded_sessions import EncodedSessions
from tests.encoded import make_sessions

ALL: tuple[BaselineConfig, ...] = (Popularity(), Recency(), ItemKNN(shrinkage=0), UserKNN(), SessionKNN())


def scores_before(
    config: BaselineConfig, training: EncodedSessions, *clicks: int, item_count: int = 6
) -> dict[int, float]:
    """The scores of all items that may be listed after these clicks."""
    (block,) = config.fit(training, item_count).score(make_sessions([*clicks, 0]))
    scores = block.scores[block.rows == len(clicks) - 1][0]
    return {item: float(scores[item]) for item in np.flatnonzero(scores > -np.inf).tolist()}


def test_popularity_is_clicks() -> None:
    """Whatever was clicked; what never was comes last, with a score."""
    assert scores_before(Popularity(), make_sessions([1, 1, 2], [2, 1]), 0, item_count=3) == {0: 0, 1: 3, 2: 2}


def test_recency_prefers_what_was_clicked_lately() -> None:
    """Two clicks of yesterday are worth one of today; of the day before, half of one."""
    day = 86_400_000
    training = make_sessions([0, 0], [1, 2], timestamp_ms=[0, 0, day, 2 * day])
    assert scores_before(Recency(24), training, 0, item_count=3) == {0: 0.5, 1: 0.5, 2: 1}


def test_item_knn_adds_up_the_neighbours_of_the_clicks() -> None:
    """0 and 1 share one of two and one of two sessions: cosine 1/2; the click before last weighs a half."""
    training = make_sessions([0, 1], [0, 2], [1, 3])
    config = ItemKNN(shrinkage=0, click_decay=0.5)
    assert scores_before(config, training, 0) == pytest.approx({1: 0.5, 2: math.sqrt(0.5)})
    assert scores_before(config, training, 0, 3) == pytest.approx({1: 0.25 + math.sqrt(0.5), 2: math.sqrt(0.5) / 2})


def test_item_knn_keeps_only_so_many_neighbours() -> None:
    training = make_sessions([0, 1], [0, 1], [0, 2])
    assert set(scores_before(ItemKNN(neighbours=1), training, 0)) == {1}


def test_user_knn_adds_up_cosines_of_users() -> None:
    """After 0 and 1: the first user shares both of his three, the second one of two; the third shares nothing."""
    training = make_sessions([0, 1, 2], [1, 3], [4, 5])
    near, far = 2 / math.sqrt(2 * 3), 1 / math.sqrt(2 * 2)
    assert scores_before(UserKNN(), training, 0, 1) == pytest.approx({0: near, 1: near + far, 2: near, 3: far})
    assert scores_before(UserKNN(lists_seen=False), training, 0, 1) == pytest.approx({2: near, 3: far})
    assert set(scores_before(UserKNN(neighbours=1), training, 0, 1)) == {0, 1, 2}


def test_user_knn_looks_back_as_far_as_it_is_told() -> None:
    training = make_sessions([0, 2], [1, 3])
    assert set(scores_before(UserKNN(last_clicks=1), training, 0, 1)) == {1, 3}


def test_the_latest_of_equal_users_is_the_neighbour() -> None:
    training = make_sessions([0, 2], [0, 3], [0, 4])
    assert set(scores_before(UserKNN(neighbours=1), training, 0)) == {0, 4}


def test_session_knn_is_the_sum_of_its_published_formula() -> None:
    """After 0 and 1, pi is 1/2 and 1, lambda .8 and .9; of 4 sessions one shares both and one only the click 0."""
    training = make_sessions([0, 1, 2], [0, 3], [4, 5], [4, 5])
    expected = {
        0: math.log(4 / 2) * (0.9 * 1.5 + 0.8 * 0.5),
        2: math.log(4 / 1) * 0.9 * 1.5,
        3: math.log(4 / 1) * 0.8 * 0.5,
    }
    assert scores_before(SessionKNN(), training, 0, 1) == pytest.approx(expected)
    with_last = scores_before(SessionKNN(lists_last_click=True), training, 0, 1)
    assert with_last == pytest.approx(expected | {1: math.log(4 / 1) * 0.9 * 1.5})
    assert scores_before(SessionKNN(idf=False), training, 0, 1) == pytest.approx({0: 1.75, 2: 1.35, 3: 0.4})


def test_session_knn_takes_the_last_of_two_clicks_on_one_item() -> None:
    """0, 1, 0 is like 1, 0 with three places: pi is 1 for item 0 and 2/3 for item 1."""
    training = make_sessions([0, 2], [1, 3])
    found = scores_before(SessionKNN(idf=False), training, 0, 1, 0)
    assert found == pytest.approx({1: 0.8 * 2 / 3, 2: 0.9, 3: 0.8 * 2 / 3})


def test_session_knn_knows_the_most_recent_sessions_only() -> None:
    """By their last click: the first session ends last."""
    training = make_sessions([0, 1], [0, 2], [0, 3], timestamp_ms=[0, 9, 1, 2, 3, 4])
    assert set(scores_before(SessionKNN(recent_sessions=1), training, 0)) == {1}
    assert set(scores_before(SessionKNN(recent_sessions=2), training, 0)) == {1, 3}
    assert set(scores_before(SessionKNN(neighbours=1), training, 0)) == {1}


@pytest.mark.parametrize("config", ALL, ids=lambda config: type(config).__name__)
def test_every_prediction_is_scored_once_and_from_what_came_before_it(
    config: BaselineConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in blocks of three; another click later in the session, or elsewhere, changes nothing; -1 is no click."""
    monkeypatch.setattr("models.evaluation.scorer._PREDICTIONS_AT_ONCE", 3)
    generator = np.random.default_rng(2)
    training = make_sessions(*(generator.integers(0, 6, size=5).tolist() for _ in range(12)))
    scorer = config.fit(training, 6)
    blocks = list(scorer.score(make_sessions([0, 1, -1, 2], [3], [4, 5, 0])))
    rows = np.concatenate([block.rows for block in blocks])
    assert sorted(rows.tolist()) == [0, 1, 2, 3, 4]
    scores = np.concatenate([block.scores for block in blocks])[np.argsort(rows)]
    assert scores.dtype == np.float32
    other = list(scorer.score(make_sessions([0, 1, -1, 5], [3], [4, 2, 1])))
    other_scores = np.concatenate([block.scores for block in other])
    assert (other_scores[[0, 1, 2, 3]] == scores[[0, 1, 2, 3]]).all()
    unknown_only = np.concatenate([block.scores for block in scorer.score(make_sessions([-1, 2]))])
    assert unknown_only.shape == (1, 6)
