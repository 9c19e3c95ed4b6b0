"""The rule against its formula, computed densely."""

import numpy as np
import pytest
from msgspec.structs import replace
from numpy.typing import NDArray

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
    assert CountsRanking(short).boosts(last_items).item_index.tolist() == [[*best, 2, 0, 5]]


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
