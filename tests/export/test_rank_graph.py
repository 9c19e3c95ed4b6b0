"""The composed ranking graphs against numpy: the contract holds for each of them, at every size."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from export.artifact import CoarseRanking
from export.exact_ranking import BLOCKS_FROM_ITEMS
from export.int8_layout import BLOCKS_OF_GROUP, layout_of
from export.int8_ranking import GROUPS_FROM_BLOCKS
from tests.export.ranked import (
    HIDDEN_SIZE,
    ONE_TILE,
    RING_LENGTH,
    THREE_TILES,
    RankGraph,
    draw_exclusions,
    draw_queries,
    make_rank_graph,
)

# Blocks of 16 and 8 items, tiles of thirds, groups of 16 blocks: none of them divides any of these but 6,144.
SIZES = (3, 30, 1_001, 6_144, 70_001)
METHODS = {"exact": None, "one-tile": ONE_TILE, "three-tiles": THREE_TILES}

MakeGraph = Callable[[int, str], RankGraph]


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> MakeGraph:
    """Graphs by catalogue size and method, each made once."""
    made: dict[tuple[int, str], RankGraph] = {}

    def make(item_count: int, method: str) -> RankGraph:
        if (item_count, method) not in made:
            folder = tmp_path_factory.mktemp("rank")
            made[item_count, method] = make_rank_graph(folder, item_count=item_count, coarse=METHODS[method])
        return made[item_count, method]

    return make


def test_the_sizes_cover_every_way_through_the_graphs() -> None:
    """Plain and block top-k, blocks at once and in groups: a test below that passes has passed through each."""
    assert min(SIZES) < BLOCKS_FROM_ITEMS <= max(SIZES)
    for coarse in (ONE_TILE, THREE_TILES):
        assert layout_of(min(SIZES), coarse).blocks < GROUPS_FROM_BLOCKS <= layout_of(max(SIZES), coarse).blocks
        for size in SIZES:
            layout = layout_of(size, coarse)
            assert size <= layout.padded_count
            assert layout.tile_blocks % BLOCKS_OF_GROUP == 0


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("item_count", SIZES)
def test_lists_are_the_best_of_all_items(graph: MakeGraph, item_count: int, method: str) -> None:
    """With rings half full and a tenth of the catalogue not available: items and scores, place by place."""
    ranked = graph(item_count, method)
    query, excluded = draw_queries(64), draw_exclusions(64, item_count)
    bias = np.random.default_rng(2).normal(scale=0.1, size=item_count).astype(np.float32)
    bias[::10] = -np.inf
    top_item, top_score = ranked.rank(query, exclude_index=excluded, item_bias=bias)
    expected_item, expected_score = ranked.expected(query, exclude_index=excluded, item_bias=bias)
    np.testing.assert_allclose(top_score, expected_score, atol=1e-5)
    listed = np.isfinite(top_score)
    # float32 sums in another order: near ties may change places.
    assert (top_item == expected_item)[listed].sum() >= 0.999 * listed.sum()
    assert ((top_item >= 0) & (top_item < item_count)).all()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("item_count", SIZES)
def test_a_batch_is_each_user_alone_bit_for_bit(graph: MakeGraph, item_count: int, method: str) -> None:
    """Whoever else is there: a query a million times as large must not coarsen its neighbour's."""
    ranked = graph(item_count, method)
    query, excluded = draw_queries(37), draw_exclusions(37, item_count)
    query[::2] *= 1e6
    together = ranked.rank(query, exclude_index=excluded)
    for user in range(37):
        alone = ranked.rank(query[user : user + 1], exclude_index=excluded[user : user + 1])
        assert together[0][user].tobytes() == alone[0].tobytes()
        assert together[1][user].tobytes() == alone[1].tobytes()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("item_count", SIZES)
def test_what_little_is_available_is_found(graph: MakeGraph, item_count: int, method: str) -> None:
    """Three items of the whole catalogue, one of them excluded: two are listed, and nothing after them."""
    ranked = graph(item_count, method)
    bias = np.full(item_count, -np.inf, np.float32)
    available = [0, item_count // 2, item_count - 1]
    bias[available] = 0
    excluded = np.full((5, RING_LENGTH), -1)
    excluded[:, 7] = item_count // 2
    top_item, top_score = ranked.rank(draw_queries(5), exclude_index=excluded, item_bias=bias)
    assert [set(row) for row in top_item[:, :2].tolist()] == [{0, item_count - 1}] * 5
    assert np.isfinite(top_score[:, :2]).all()
    assert np.isneginf(top_score[:, 2:]).all()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("item_count", [1_001, 6_144, 70_001])
def test_excluded_items_hide_nothing(graph: MakeGraph, item_count: int, method: str) -> None:
    """A user has clicked the 50 items that are best for him: the next 20 are listed."""
    ranked = graph(item_count, method)
    query = draw_queries(64)
    best = np.argsort(-(query @ ranked.table.T + ranked.offset), axis=1, kind="stable")
    top_item, _ = ranked.rank(query, exclude_index=best[:, :RING_LENGTH])
    assert (top_item == best[:, RING_LENGTH : RING_LENGTH + 20]).mean() > 0.999


@pytest.mark.parametrize("method", METHODS)
def test_everything_excluded_is_an_empty_list(graph: MakeGraph, method: str) -> None:
    """Not a crash, and no item that was clicked."""
    _, top_score = graph(30, method).rank(draw_queries(2), exclude_index=np.tile(np.arange(RING_LENGTH) % 30, (2, 1)))
    assert np.isneginf(top_score).all()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("item_count", [30, 6_144])
def test_a_user_of_whom_nothing_is_known_is_ranked_by_the_bias(graph: MakeGraph, item_count: int, method: str) -> None:
    """A query of zeros has no scale to be divided by."""
    top_item, top_score = graph(item_count, method).rank(np.zeros((2, HIDDEN_SIZE), np.float32))
    assert top_item[0].tolist() == list(range(item_count - 1, item_count - 21, -1))
    assert top_score[0, 0] == pytest.approx(0.1)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("item_count", [100, 6_144])
def test_of_equal_scores_the_lower_index_comes_first(tmp_path: Path, item_count: int, method: str) -> None:
    """Copies of one item all over the catalogue, the best for this user."""
    table = np.random.default_rng(0).normal(size=(item_count, HIDDEN_SIZE)).astype(np.float32)
    copies = [item_count - 1, 3, item_count // 2, 4, 77]
    query = draw_queries(1)
    table[copies] = 5 * query[0]
    top_item, _ = make_rank_graph(tmp_path, item_count=item_count, coarse=METHODS[method], table=table).rank(query)
    assert top_item[0, :5].tolist() == sorted(copies)


@pytest.mark.parametrize("coarse", [ONE_TILE, THREE_TILES])
def test_bytes_at_their_limits_give_exact_lists(tmp_path: Path, coarse: CoarseRanking) -> None:
    """Every component at its largest: where sixteen bits overflowed, the best items would score as the worst."""
    table = np.where(np.random.default_rng(0).random((6_000, HIDDEN_SIZE)) < 0.5, -1, 1).astype(np.float32)
    table += np.random.default_rng(1).normal(scale=0.01, size=table.shape).astype(np.float32)
    query = np.sign(draw_queries(16))
    table[1_234], table[4_321] = 1.05, -1.05
    query[0], query[1] = 1, -1
    ranked = make_rank_graph(tmp_path, item_count=6_000, coarse=coarse, table=table)
    top_item, _ = ranked.rank(query)
    assert top_item[:2, 0].tolist() == [1_234, 4_321]
    assert (top_item[:, 0] == ranked.expected(query)[0][:, 0]).all()
