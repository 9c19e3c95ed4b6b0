import math

import numpy as np
import pytest
from numpy.typing import NDArray

from models.evaluation import metric_intervals as module
from models.evaluation.metric_intervals import mean_intervals, metric_intervals
from models.evaluation.metrics import figures_of
from models.evaluation.ranked_predictions import RankedPredictions
from models.sequences.encoded_sessions import Predictions


def make_ranked(
    *, sessions: int = 200, item_count: int = 50, seed: int = 0, concentration: float = 1.0
) -> RankedPredictions:
    """Three predictions a session; the lists draw 20 items, the early rows more often the higher the concentration."""
    random = np.random.default_rng(seed)
    chance = np.arange(1, item_count + 1, dtype=np.float64) ** -concentration
    top = [random.choice(item_count, size=20, replace=False, p=chance / chance.sum()) for _ in range(3 * sessions)]
    session = np.repeat(np.arange(sessions), 3)
    return RankedPredictions(
        predictions=Predictions(session, np.tile([1, 2, 3], sessions), np.zeros(3 * sessions, dtype=np.int64)),
        ranks=random.integers(1, 40, size=3 * sessions),
        top_item=np.array(top, dtype=np.int64),
        item_count=item_count,
    )


def popularity(item_count: int = 50) -> NDArray[np.int64]:
    """Item 0 has most clicks."""
    return np.arange(item_count, 0, -1)


def test_every_figure_is_what_it_is_without_an_interval() -> None:
    """And it lies within its interval."""
    ranked = make_ranked()
    found = metric_intervals(ranked, popularity(), resamples=200)
    plain = figures_of(ranked.ranks)
    assert {name: found[name].value for name in plain if name[-2:] != "@1"} == pytest.approx(
        {name: value for name, value in plain.items() if name[-2:] != "@1"}
    )
    assert found["ARP@20"].value == pytest.approx(popularity()[ranked.top_item].mean())
    assert found["Coverage@20"].value == 1.0
    assert all(one.low <= one.value <= one.high for one in found.values())


def test_the_interval_of_a_mean_is_the_textbooks_for_sessions_of_one_click() -> None:
    random = np.random.default_rng(4)
    values = random.normal(size=3_000)
    found = mean_intervals(np.arange(3_000), {"figure": values}, resamples=6_000)["figure"]
    error = values.std() / math.sqrt(3_000)
    assert found.low == pytest.approx(values.mean() - 1.96 * error, abs=0.15 * error)
    assert found.high == pytest.approx(values.mean() + 1.96 * error, abs=0.15 * error)


def test_clicks_of_one_session_are_drawn_together() -> None:
    """Three alike clicks a session are worth one: the interval is that of the sessions."""
    values = np.random.default_rng(4).normal(size=500)
    alone = mean_intervals(np.arange(500), {"figure": values}, resamples=500)
    thrice = mean_intervals(np.repeat(np.arange(500), 3), {"figure": np.repeat(values, 3)}, resamples=500)
    assert thrice["figure"].low == pytest.approx(alone["figure"].low)


def test_the_interval_of_coverage_is_around_it_although_resamples_cover_less() -> None:
    """A tail of rare items: each resample misses some that the lists do reach."""
    ranked = make_ranked(sessions=60, item_count=2_000, concentration=1.2)
    found = metric_intervals(ranked, popularity(2_000), resamples=300)["Coverage@20"]
    assert 0 < found.low < found.value < found.high < 1
    assert found.high - found.low < 0.2


def test_uneven_exposure_has_the_higher_gini() -> None:
    even = metric_intervals(make_ranked(concentration=0.0), popularity(), resamples=50)
    uneven = metric_intervals(make_ranked(concentration=2.0), popularity(), resamples=50)
    assert even["Gini@20"].high < uneven["Gini@20"].low
    assert even["ARP@20"].high < uneven["ARP@20"].low


def test_resamples_do_not_depend_on_how_many_are_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    ranked = make_ranked(sessions=40)
    at_once = metric_intervals(ranked, popularity(), resamples=30, seed=5)
    monkeypatch.setattr(module, "_EXPOSURES_AT_A_TIME", 1)
    one_by_one = metric_intervals(ranked, popularity(), resamples=30, seed=5)
    assert {name: one.low for name, one in one_by_one.items()} == pytest.approx(
        {name: one.low for name, one in at_once.items()}
    )
