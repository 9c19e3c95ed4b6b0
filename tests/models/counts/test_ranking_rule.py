"""The rule against its formula, computed densely."""

import math
from collections import Counter, defaultdict

import numpy as np
import pytest
from msgspec.structs import replace
from numpy.typing import NDArray

from models.counts.click_columns import ClickColumns
from models.counts.follower_rows import MOST_ROWS, FollowerRows
from models.counts.live_counts import LiveCounts
from models.counts.ranking_rule import CountsRanking
from models.counts.recipe import CountsRecipe
from tests.models.counts.logs import CountedLog, count_click_by_click, make_log

ITEMS = 25
RECIPE = CountsRecipe(
    popularity_half_life=12,
    transition_half_life=60,
    row_length=ITEMS,
    floor=1e-300,
    history_items=2,
    history_decay=0.4,
    smoothing=0.7,
    demoted_clicks=3,
    boost_length=40,
    strength=3.0,
)
BUCKET = 1_000


@pytest.fixture(scope="module")
def counts() -> LiveCounts:
    return CountedLog(count_click_by_click(make_log(), RECIPE), RECIPE, ITEMS).advance(BUCKET)


def _added(ranking: CountsRanking, last_items: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return what counts add to every score, (B, V)."""
    boosts = ranking.boosts(last_items)
    added = np.tile(ranking.item_bias.astype(np.float64), (len(last_items), 1))
    rows, columns = np.nonzero(boosts.item_index >= 0)
    np.add.at(added, (rows, boosts.item_index[rows, columns]), boosts.value[rows, columns])
    return added


def _by_the_formula(counts: LiveCounts, last: list[int]) -> NDArray[np.float64]:
    def shares(kind: str, item: int) -> NDArray[np.float64]:
        row = getattr(counts, kind).row(item, BUCKET)
        dense = np.zeros(ITEMS)
        dense[row.item] = row.value / (row.value.sum() + 0.7)
        return dense

    share = RECIPE.unseen + RECIPE.popularity_weight * counts.popularity() / counts.popularity().sum()
    for back, item in enumerate(last[:2]):
        share += 0.4**back * (shares("transitions", item) + RECIPE.cooccurrence_weight * shares("cooccurrences", item))
    share[last[:3]] *= RECIPE.demotion
    scores: NDArray[np.float64] = 3.0 * np.log(share / RECIPE.unseen)
    return scores


@pytest.mark.parametrize("last", [[2, 0, 5], [1], [0, 0, 0], [3, 1, 3]], ids=str)
def test_what_is_added_is_the_formula(counts: LiveCounts, last: list[int]) -> None:
    """With a long history, a short one, and items that were clicked twice."""
    padded = np.full((1, 5), -1)
    padded[0, : len(last)] = last
    np.testing.assert_allclose(_added(CountsRanking(counts), padded)[0], _by_the_formula(counts, last), rtol=1e-5)


SHORT_RULE = CountsRecipe(
    popularity_half_life=31,
    transition_half_life=97,
    cooccurrence_half_life=410,
    row_length=9,
    floor=1e-300,
    history_items=3,
    history_decay=0.6,
    demoted_clicks=2,
    boost_length=10,
)
SHORT_ITEMS = 80


# Decayed clicks of items; and of each kind, of items after items, and of items beside items.
PlainCounts = tuple[Counter[int], dict[str, defaultdict[int, Counter[int]]]]


def _counted_plainly(log: ClickColumns, now: int) -> PlainCounts:
    """Count clicks up to the end of a bucket, one after the other, each with what it is worth then."""
    popularity = Counter[int]()
    rows = {kind: defaultdict[int, Counter[int]](Counter) for kind in ("transitions", "cooccurrences")}
    sessions, counted = defaultdict[int, list[int]](list), set[tuple[int, int, int]]()
    for user, session, item, time in zip(log.user, log.session, log.item, log.timestamp_ms, strict=True):
        age = now - time // SHORT_RULE.bucket_ms
        if item < 0 or age < 0:
            continue
        before = sessions[session]
        if (user, item, age) not in counted:
            counted.add((user, item, age))
            popularity[item] += 2 ** (-age / SHORT_RULE.popularity_half_life)
            if before:
                rows["transitions"][before[-1]][item] += 2 ** (-age / SHORT_RULE.transition_half_life)
            for other in set(before[-SHORT_RULE.session_reach :]) - {item}:
                for one, two in ((item, other), (other, item)):
                    rows["cooccurrences"][one][two] += 2 ** (-age / SHORT_RULE.cooccurrence_half_life)
        before.append(item)
    return popularity, rows


def _added_plainly(counted: PlainCounts, last: list[int]) -> list[float]:
    """Follow the rule item by item: the longest rows' ends and the least raised are left out."""
    rule = SHORT_RULE
    popularity, rows = counted
    total = sum(popularity.values())
    common = [rule.unseen + rule.popularity_weight * popularity[item] / total for item in range(SHORT_ITEMS)]
    followers = defaultdict[int, float](float)
    for back, item in enumerate(last[: rule.history_items]):
        for kind, weight in (("transitions", 1.0), ("cooccurrences", rule.cooccurrence_weight)):
            row = sorted(rows[kind][item].items(), key=lambda entry: (-entry[1], entry[0]))[: rule.row_length]
            mass = sum(value for _, value in row) + rule.smoothing
            for follower, value in row:
                followers[follower] += rule.history_decay**back * weight * value / mass
    raised = {item: math.log((common[item] + share) / common[item]) for item, share in followers.items()}
    kept = sorted(raised, key=lambda item: (-raised[item], item))[: rule.boost_length - rule.demoted_clicks]
    logs = [math.log(share / rule.unseen) for share in common]
    for item in kept:
        logs[item] += raised[item]
    for item in set(last[: rule.demoted_clicks]):
        logs[item] += math.log(rule.demotion)
    return [rule.strength * one for one in logs]


def test_one_ranking_follows_the_rule_as_time_goes_on() -> None:
    """Rows that were kept, changed and cut, of ten users at five moments, against counting and ranking by hand."""
    log = make_log(clicks=6_000, items=SHORT_ITEMS)
    counted = CountedLog(count_click_by_click(log, SHORT_RULE), SHORT_RULE, SHORT_ITEMS)
    ranking = CountsRanking(counted.counts)
    cut = 0
    for moment in (40, 41, 43, 500, 1_439):
        counted.advance(moment)
        ranking.refresh()
        last_items = np.minimum(np.random.default_rng(moment).geometric(0.08, size=(10, 4)) - 1, SHORT_ITEMS - 1)
        last_items[8:, 1:] = -1
        plain = _counted_plainly(log, moment)
        expected = [_added_plainly(plain, [item for item in last if item >= 0]) for last in last_items.tolist()]
        np.testing.assert_allclose(_added(ranking, last_items), expected, rtol=1e-5, atol=1e-4)
        cut += int((ranking.boosts(last_items).item_index[:, :8] >= 0).all(axis=1).sum())
    assert cut > 20


@pytest.mark.parametrize("most_rows", [MOST_ROWS, 7])
def test_rows_that_were_kept_change_no_byte(most_rows: int) -> None:
    """Against rows read anew at every moment, with a table for all rows and with one that is too small for a run."""
    counted = CountedLog(count_click_by_click(make_log(items=SHORT_ITEMS), SHORT_RULE), SHORT_RULE, SHORT_ITEMS)
    kept = FollowerRows(counted.counts, most_rows)
    random = np.random.default_rng(0)
    for moment in range(30, 1_000, 3):
        counted.advance(moment)
        kept.refresh()
        items = random.integers(SHORT_ITEMS, size=20)
        found, read = kept.shares(items), FollowerRows(counted.counts).shares(items)
        assert [part.tobytes() for part in found] == [part.tobytes() for part in read]


def test_users_together_are_each_alone_bit_for_bit(counts: LiveCounts) -> None:
    ranking = CountsRanking(counts)
    last_items = np.random.default_rng(0).integers(-1, ITEMS, size=(57, 5))
    together = ranking.boosts(last_items)
    for user in range(57):
        alone = ranking.boosts(last_items[user : user + 1])
        assert together.item_index[user].tobytes() == alone.item_index[0].tobytes()
        assert together.value[user].tobytes() == alone.value[0].tobytes()


def test_the_largest_boosts_are_kept_where_there_is_no_room(counts: LiveCounts) -> None:
    """Five columns, three of which are for the demoted."""
    last_items = np.array([[2, 0, 5]])
    all_of_them = CountsRanking(counts).boosts(last_items)
    best = all_of_them.item_index[0, np.argsort(-all_of_them.value[0])[:2]].tolist()
    recipe = replace(RECIPE, boost_length=5)
    short = CountedLog(count_click_by_click(make_log(), recipe), recipe, ITEMS).advance(BUCKET)
    assert CountsRanking(short).boosts(last_items).item_index.tolist() == [[*sorted(best), 2, 0, 5]]


def test_nothing_counted_changes_nothing() -> None:
    """But for the demotion of what was clicked, which needs no counts."""
    ranking = CountsRanking(LiveCounts(RECIPE, ITEMS))
    assert ranking.item_bias.tolist() == [0.0] * ITEMS
    boosts = ranking.boosts(np.array([[4, -1, -1]]))
    assert boosts.item_index[boosts.item_index >= 0].tolist() == [4]
    assert ranking.boosts(np.full((2, 5), -1)).item_index.max() == -1


def test_refreshing_reads_the_counts_as_they_are_now(counts: LiveCounts) -> None:
    """A day later nobody has clicked anything since."""
    later = CountedLog(count_click_by_click(make_log(), RECIPE), RECIPE, ITEMS).advance(BUCKET)
    ranking = CountsRanking(later)
    assert ranking.item_bias.tobytes() == CountsRanking(counts).item_bias.tobytes()
    before = ranking.boosts(np.array([[2]])).value.max()
    later.advance(2 * BUCKET)
    ranking.refresh()
    assert ranking.boosts(np.array([[2]])).value.max() < before


def test_a_recipe_without_room_for_boosts_is_refused() -> None:
    with pytest.raises(ValueError, match="4 boosts leave no room beside 4 demoted clicks"):
        CountsRecipe(boost_length=4, demoted_clicks=4)
