"""Sparse additions in the composed ranking graphs against numpy, at every size and by every method."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from export.rank_graph import export_rank_graph
from tests.export.ranked import (
    BOOST_LENGTH,
    ONE_TILE,
    RING_LENGTH,
    THREE_TILES,
    Boosts,
    RankGraph,
    draw_boosts,
    draw_exclusions,
    draw_queries,
    make_rank_graph,
)
from tests.export.test_parity import DecayedSum

SIZES = (30, 1_001, 6_144, 70_001)
METHODS = {"exact": None, "one-tile": ONE_TILE, "three-tiles": THREE_TILES}

MakeGraph = Callable[[int, str], RankGraph]


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> MakeGraph:
    """Graphs that take boosts, by catalogue size and method, each made once."""
    made: dict[tuple[int, str], RankGraph] = {}

    def make(item_count: int, method: str) -> RankGraph:
        if (item_count, method) not in made:
            made[item_count, method] = make_rank_graph(
                tmp_path_factory.mktemp("rank"),
                item_count=item_count,
                coarse=METHODS[method],
                boost_length=BOOST_LENGTH,
            )
        return made[item_count, method]

    return make


def _boosts(count: int, *pairs: tuple[int, float]) -> Boosts:
    """Boost the same items for each of some users."""
    index = np.full((count, BOOST_LENGTH), -1)
    value = np.zeros((count, BOOST_LENGTH), np.float32)
    for column, (item, added) in enumerate(pairs):
        index[:, column], value[:, column] = item, added
    return index, value


@pytest.mark.parametrize("scale", [0.1, 3.0], ids=["small", "large"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("item_count", SIZES)
def test_lists_are_the_best_of_all_items(graph: MakeGraph, item_count: int, method: str, scale: float) -> None:
    """Boosted, lowered, excluded and unavailable items together: items and scores, place by place."""
    ranked = graph(item_count, method)
    query, excluded = draw_queries(64), draw_exclusions(64, item_count)
    boosts = draw_boosts(64, item_count, scale=scale)
    bias = np.random.default_rng(2).normal(scale=0.1, size=item_count).astype(np.float32)
    bias[::10] = -np.inf
    top_item, top_score = ranked.rank(query, exclude_index=excluded, item_bias=bias, boosts=boosts)
    expected_item, expected_score = ranked.expected(query, exclude_index=excluded, item_bias=bias, boosts=boosts)
    np.testing.assert_allclose(top_score, expected_score, atol=1e-5)
    listed = np.isfinite(top_score)
    # float32 sums in another order: near ties may change places.
    assert (top_item == expected_item)[listed].sum() >= 0.999 * listed.sum()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("item_count", SIZES)
def test_boosts_of_one_item_add_up(graph: MakeGraph, item_count: int, method: str) -> None:
    """The worst item of the catalogue, lifted three times."""
    ranked = graph(item_count, method)
    query = draw_queries(4)
    scores = query @ ranked.table.T + ranked.offset
    worst = int(scores.sum(axis=0).argmin())
    top_item, top_score = ranked.rank(query, boosts=_boosts(4, (worst, 4.0), (worst, -1.0), (worst, 97.0)))
    assert top_item[:, 0].tolist() == [worst] * 4
    np.testing.assert_allclose(top_score[:, 0], scores[:, worst] + 100, rtol=1e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("item_count", SIZES)
def test_no_boost_brings_back_what_may_not_be_listed(graph: MakeGraph, item_count: int, method: str) -> None:
    """Item 3 was clicked, item 4 is not available, both are boosted as is item 5."""
    bias = np.zeros(item_count, np.float32)
    bias[4] = -np.inf
    excluded = np.full((4, RING_LENGTH), -1)
    excluded[:, 0] = 3
    boosts = _boosts(4, (3, 1e6), (4, 1e6), (5, 1e6))
    top_item, top_score = graph(item_count, method).rank(
        draw_queries(4), exclude_index=excluded, item_bias=bias, boosts=boosts
    )
    assert top_item[:, 0].tolist() == [5] * 4
    assert not np.isin(top_item, [3, 4])[np.isfinite(top_score)].any()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("item_count", SIZES)
def test_padding_changes_nothing(graph: MakeGraph, tmp_path: Path, item_count: int, method: str) -> None:
    """Lists without boosts are those of a graph that takes none, bit for bit; item 0 is not what padding boosts."""
    query, excluded = draw_queries(8), draw_exclusions(8, item_count)
    padding = np.full((8, BOOST_LENGTH), -1), np.full((8, BOOST_LENGTH), np.nan, np.float32)
    found = graph(item_count, method).rank(query, exclude_index=excluded, boosts=padding)
    without = make_rank_graph(tmp_path, item_count=item_count, coarse=METHODS[method])
    expected = without.rank(query, exclude_index=excluded)
    assert [array.tobytes() for array in found] == [array.tobytes() for array in expected]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("item_count", SIZES)
def test_a_batch_is_each_user_alone_bit_for_bit(graph: MakeGraph, item_count: int, method: str) -> None:
    """Each with boosts of his own."""
    ranked = graph(item_count, method)
    query, excluded = draw_queries(37), draw_exclusions(37, item_count)
    index, value = draw_boosts(37, item_count, scale=1.0)
    together = ranked.rank(query, exclude_index=excluded, boosts=(index, value))
    for user in range(37):
        row = slice(user, user + 1)
        alone = ranked.rank(query[row], exclude_index=excluded[row], boosts=(index[row], value[row]))
        assert together[0][user].tobytes() == alone[0].tobytes()
        assert together[1][user].tobytes() == alone[1].tobytes()


def test_a_network_without_dot_products_takes_boosts_too(tmp_path: Path) -> None:
    """Its graph is translated as it is; items 7 and 9 come first, 9 by the sum of two boosts."""
    path = tmp_path / "rank.onnx"
    export_rank_graph(DecayedSum(), path, list_length=10, ring_length=RING_LENGTH, boost_length=BOOST_LENGTH)
    index, value = _boosts(3, (7, 150.0), (9, 100.0), (9, 100.0), (8, 300.0))
    excluded = np.full((3, RING_LENGTH), -1)
    excluded[:, 0] = 8
    inputs = {
        "clicked": np.zeros((3, 8), np.float32),
        "exclude_index": excluded,
        "item_bias": np.zeros(30, np.float32),
        "boost_index": index,
        "boost_value": value,
    }
    top_item, top_score = onnxruntime.InferenceSession(path).run(["top_item", "top_score"], inputs)
    assert top_item[:, :2].tolist() == [[9, 7]] * 3
    assert top_score[:, :3].tolist() == [[200.0, 150.0, 0.0]] * 3
