"""Recipes fitted on logs of which it is known what helps."""

from collections.abc import Iterator

import numpy as np
import polars as pl
import pytest
from msgspec.structs import replace
from numpy.typing import NDArray

from models.counts.click_columns import ClickColumns
from models.counts.fitting import CountsFit, Figures, figures_of, fit_counts, fit_without_clock
from models.counts.ranking_rule import CountsRanking
from models.counts.recipe import CountsRecipe
from models.counts.validation_questions import ValidationQuestions, click_columns, draw_questions, has_clock
from models.errors import DataError
from models.evaluation.scorer import ScoreBlock
from models.sequences.encoded_sessions import EncodedSessions
from tests.encoded import make_sessions
from tests.factories import make_click_table
from tests.models.counts.logs import CountedLog, count_click_by_click

ITEMS = 60
HOURS = 48
HOUR_MS = 3_600_000
START = CountsRecipe(row_length=ITEMS, floor=1e-300)


def _news(*, sessions: int = 1_500, seed: int = 0) -> ClickColumns:
    """Draw sessions of two clicks; each hour has an article that two of three go to, another one every hour."""
    random = np.random.default_rng(seed)
    start = np.sort(random.integers(HOURS * HOUR_MS, size=sessions))
    first = random.integers(ITEMS, size=sessions)
    hot = start // HOUR_MS * 7 % ITEMS
    second = np.where(random.random(sessions) < 2 / 3, hot, random.integers(ITEMS, size=sessions))
    user = np.repeat(np.arange(sessions), 2)
    time = np.stack([start, start + 20_000], axis=1).ravel()
    order = np.argsort(time, kind="stable")
    return ClickColumns(user[order], user[order], np.stack([first, second], axis=1).ravel()[order], time[order])


def _questions(log: ClickColumns, network: NDArray[np.float32] | None = None) -> ValidationQuestions:
    """Ask for the second click of every session of the last twelve hours."""
    order = np.argsort(log.session, kind="stable")
    second = order[1::2][log.timestamp_ms[order[1::2]] > (HOURS - 12) * HOUR_MS]
    first = order[::2][log.timestamp_ms[order[1::2]] > (HOURS - 12) * HOUR_MS]
    last_items = np.full((len(second), 8), -1)
    last_items[:, 0] = log.item[first]
    scores = np.random.default_rng(1).normal(size=(len(second), ITEMS)).astype(np.float32)
    return ValidationQuestions(
        target=log.item[second],
        asked_ms=log.timestamp_ms[second] - 60_000,
        last_items=last_items,
        network=scores if network is None else network,
    )


def test_what_everyone_goes_to_now_is_found() -> None:
    """A network of chance has MRR .06; with the hot article first two of three are right."""
    log = _news()
    fit = fit_counts(log, _questions(log), START)
    assert not fit.recipe.useless
    assert fit.without_counts is not None
    assert fit.with_counts is not None
    assert fit.without_counts.mrr < 0.1
    assert fit.with_counts.mrr > 0.55
    assert fit.trials > 20
    # The article changes every hour: what is older than that must be forgotten.
    assert fit.recipe.popularity_half_life * fit.recipe.bucket_ms <= HOUR_MS


def test_a_network_that_knows_needs_no_counts() -> None:
    """Its scores are right already, and by far."""
    log = _news()
    questions = _questions(log)
    knows = np.zeros(questions.network.shape, np.float32)
    knows[np.arange(len(knows)), questions.target] = 1e9
    assert fit_counts(log, replace_network(questions, knows), START).recipe.useless


def replace_network(questions: ValidationQuestions, network: NDArray[np.float32]) -> ValidationQuestions:
    """Ask another network the same."""
    return ValidationQuestions(questions.target, questions.asked_ms, questions.last_items, network)


def test_a_log_without_a_clock_is_told_by_where_sessions_begin() -> None:
    """Every session of a day begins at the same moment: the same clicks, their hours forgotten."""
    log = _news()
    days = log.timestamp_ms // (24 * HOUR_MS) * 24 * HOUR_MS
    dated = ClickColumns(log.user, log.session, log.item, days)
    assert has_clock(log)
    assert not has_clock(dated)
    assert fit_without_clock(START) == CountsFit(replace(START, useless=True), None, None, 0, 0)


@pytest.mark.parametrize("trending_users", [0.0, 1.5])
def test_trials_rank_as_the_worker_will(trending_users: float) -> None:
    """Dense and over the whole log, against click by click with boosts: the same figures for the same recipe."""
    log, recipe = _news(), replace(START, smoothing=0.7, demotion=0.01, trending_users=trending_users)
    questions = _questions(log)
    counted = CountedLog(count_click_by_click(log, recipe), recipe, ITEMS)
    ranking = CountsRanking(counted.counts)
    scores = questions.network.astype(np.float64)
    for number in np.argsort(questions.asked_ms, kind="stable").tolist():
        counted.advance(int(questions.asked_ms[number]) // recipe.bucket_ms - 1)
        ranking.refresh()
        boosts = ranking.boosts(questions.last_items[number : number + 1])
        scores[number] += ranking.item_bias
        boosted = boosts.item_index[0] >= 0
        np.add.at(scores[number], boosts.item_index[0][boosted], boosts.value[0][boosted])
    seen: list[Figures] = []
    fit_counts(log, questions, recipe, on_trial=lambda _, figures: seen.append(figures))
    expected = figures_of(scores, questions.target)
    assert (seen[0].mrr, seen[0].recall) == pytest.approx((expected.mrr, expected.recall), abs=1e-9)


class _RowNumbers:
    """Scores prediction p with p."""

    def score(self, sessions: EncodedSessions) -> Iterator[ScoreBlock]:
        predictions = len(sessions.item_index) - len(sessions)
        rows = np.arange(predictions)[::-1]
        yield ScoreBlock(rows, np.repeat(rows[:, None], 3, axis=1).astype(np.float32))


def test_questions_are_clicks_of_known_items_with_their_own_scores() -> None:
    """Of 200 sessions 0, -1, 1 the last clicks are asked for: known ones move up, and a minute is not known."""
    sessions = make_sessions(*([0, -1, 1] for _ in range(200)))
    drawn = draw_questions(_RowNumbers(), sessions, 3, most=150, delay_ms=60_000)
    assert drawn.target.tolist() == [1] * 150
    assert drawn.last_items[0].tolist() == [0] + [-1] * 7
    # Prediction 2 s + 1 is the third click of session s, at second 3 s + 2.
    asked = (drawn.network[:, 0] - 1) / 2
    assert drawn.asked_ms.tolist() == (1_000 * (3 * asked + 2) - 60_000).tolist()


def test_what_may_not_be_listed_again_is_no_answer() -> None:
    """After 2 and 0, 0 is clicked again: with the last click left out only 1 and 2 are ranked, with both only 1."""
    sessions = make_sessions(*([2, 0, 0] for _ in range(200)))
    allowed = []
    for exclude_last in (0, 1, 2):
        drawn = draw_questions(_RowNumbers(), sessions, 3, most=400, delay_ms=0, exclude_last=exclude_last)
        second = drawn.last_items[:, 1] == 2
        allowed.append(np.isfinite(drawn.network[second][0]).tolist())
    assert allowed == [[True, True, True], [False, True, True], [False, True, False]]


def test_too_few_clicks_are_refused() -> None:
    with pytest.raises(DataError, match="9 validation clicks are too few to fit live counts by, it takes 100"):
        draw_questions(_RowNumbers(), make_sessions(*([0, 1] for _ in range(9))), 3, most=1_000, delay_ms=0)
    enough = make_sessions(*([0, 1] for _ in range(200)))
    with pytest.raises(DataError, match="1,000,000 items are too many to fit live counts for, at most 120,000"):
        draw_questions(_RowNumbers(), enough, 1_000_000, most=1_000, delay_ms=0)


def test_columns_are_in_order_of_time() -> None:
    table = make_click_table([("ann", "b", 3_000), ("ben", "a", 1_000), ("ann", "x", 2_000)])
    columns = click_columns(table, ["a", "b"])
    assert (columns.item.tolist(), columns.timestamp_ms.tolist()) == ([0, -1, 1], [1_000, 2_000, 3_000])
    assert columns.user.tolist() == columns.session.tolist() == [2, 1, 1]
    assert table.schema["timestamp_ms"] == pl.Int64()
