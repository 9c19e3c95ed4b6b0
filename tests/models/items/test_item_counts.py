import numpy as np
import pytest
from scipy.sparse import csr_array

from models.items.item_counts import (
    cooccurrence_counts,
    cosine_similarities,
    item_popularity,
    nearby_counts,
    top_rows,
    transition_counts,
)
from tests.encoded import make_sessions


def test_popularity_counts_clicks_and_no_unknown_item() -> None:
    assert item_popularity(make_sessions([0, 2, 2], [-1, 2]), 4).tolist() == [1, 0, 3, 0]


def test_a_click_one_half_life_before_the_last_counts_half() -> None:
    """Item 0 was clicked twenty and ten seconds before the last click: a quarter and a half."""
    sessions = make_sessions([0, 0], [1], timestamp_ms=[0, 10_000, 20_000])
    assert item_popularity(sessions, 2, half_life_ms=10_000) == pytest.approx([0.75, 1.0])


def test_one_click_in_a_thousand_makes_none_of_the_others_older() -> None:
    """Item 0 was clicked in two lots, a half life apart; that item 1 was clicked days later changes nothing for it."""
    sessions = make_sessions([0] * 999 + [1], timestamp_ms=[0] * 500 + [10_000] * 499 + [1_000_000_000])
    assert item_popularity(sessions, 2, half_life_ms=10_000) == pytest.approx([250 + 499, 1.0])


def test_transitions_stay_within_a_session() -> None:
    """0 to 1 twice, 1 to 2 once; nothing leads from one session into the next, or over an unknown item."""
    counts = transition_counts(make_sessions([0, 1, 2], [0, 1], [2, -1, 0]), 3)
    assert counts.toarray().tolist() == [[0, 2, 0], [0, 0, 1], [0, 0, 0]]


def test_two_clicks_later_counts_half() -> None:
    counts = transition_counts(make_sessions([0, 1, 2], [2, -1, 0]), 3, reach=2)
    assert counts.toarray().tolist() == [[0, 1, 0.5], [0, 0, 1], [0.5, 0, 0]]


def test_a_transition_is_as_old_as_the_click_it_leads_to() -> None:
    sessions = make_sessions([0, 1], [1, 0], timestamp_ms=[0, 10_000, 19_000, 20_000])
    assert transition_counts(sessions, 2, half_life_ms=10_000).toarray().tolist() == [[0, 0.5], [1, 0]]


def test_cooccurrence_counts_sessions_and_not_clicks() -> None:
    """Item 1 twice in one session is once; the diagonal says how many sessions hold an item."""
    counts = cooccurrence_counts(make_sessions([0, 1, 1], [1, 2], [0]), 3)
    assert counts.toarray().tolist() == [[2, 1, 0], [1, 2, 1], [0, 1, 1]]


def test_a_session_is_as_old_as_its_last_click() -> None:
    sessions = make_sessions([0, 1], [2], timestamp_ms=[0, 10_000, 20_000])
    assert cooccurrence_counts(sessions, 3, half_life_ms=10_000).toarray().tolist() == [
        [0.5, 0.5, 0],
        [0.5, 0.5, 0],
        [0, 0, 1],
    ]


def test_nearby_counts_weigh_distance_and_direction() -> None:
    """0 to 1 by one step and 0 to 2 by two; backwards a quarter; the diagonal has the clicks, 1 twice in a row."""
    counts = nearby_counts(make_sessions([0, 1, 2], [1, 1]), 3, reach=2, backward_weight=0.25)
    assert counts.toarray().tolist() == [[1, 1, 0.5], [0.25, 3, 1], [0.125, 0.25, 1]]


def test_cosine_is_that_of_the_items_columns() -> None:
    """By the definition, over random sessions; shrinkage takes most from what was rarely seen."""
    generator = np.random.default_rng(3)
    sessions = make_sessions(*(generator.integers(0, 6, size=4).tolist() for _ in range(20)))
    held = np.zeros((20, 6))
    for number in range(20):
        held[number, sessions.item_index[4 * number : 4 * number + 4]] = 1
    norms = np.linalg.norm(held, axis=0)
    expected = held.T @ held / np.outer(norms, norms)
    np.fill_diagonal(expected, 0)
    counts = cooccurrence_counts(sessions, 6)
    assert cosine_similarities(counts).toarray() == pytest.approx(expected)
    assert cosine_similarities(make_pair(1), shrinkage=1.0)[0, 1] == pytest.approx(1 / 2)
    assert cosine_similarities(make_pair(9), shrinkage=1.0)[0, 1] == pytest.approx(9 / 10)


def make_pair(sessions: int) -> csr_array:
    """Co-occurrence of two items that are always seen together."""
    return csr_array(np.full((2, 2), float(sessions)))


def test_the_best_of_a_row_come_first_and_the_lower_column_of_equals() -> None:
    matrix = csr_array(
        np.array([[0.0, 2.0, 3.0, 2.0], [0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [4.0, 5.0, 6.0, 7.0]])
    )
    best = top_rows(matrix, 2)
    assert best.index.tolist() == [[2, 1], [-1, -1], [0, -1], [3, 2]]
    assert best.value.tolist() == [[3, 2], [0, 0], [1, 0], [7, 6]]
    assert best.index.dtype == np.int64
    assert best.value.dtype == np.float32


def test_the_best_of_many_are_those_of_a_sorted_row() -> None:
    """Rows longer and shorter than what is kept, many values equal: as if every row were sorted by itself."""
    generator = np.random.default_rng(1)
    dense = generator.integers(0, 5, size=(30, 40)).astype(np.float64)
    dense[::3] *= generator.random((10, 40)) < 0.1
    best = top_rows(csr_array(dense), 8)
    for row, values in enumerate(dense):
        order = [column for column in np.argsort(-values, kind="stable").tolist() if values[column]][:8]
        assert best.index[row].tolist() == order + [-1] * (8 - len(order))
        assert best.value[row].tolist() == values[order].tolist() + [0] * (8 - len(order))


def test_no_clicks_are_no_counts() -> None:
    """An empty log has no last click to decay from."""
    sessions = make_sessions()
    assert item_popularity(sessions, 2, half_life_ms=1_000).tolist() == [0, 0]
    assert transition_counts(sessions, 2, half_life_ms=1_000).nnz == 0
    assert cooccurrence_counts(sessions, 2, half_life_ms=1_000).nnz == 0
