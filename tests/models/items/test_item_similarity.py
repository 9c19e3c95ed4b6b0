import numpy as np
import pytest
from scipy.sparse import csr_array

from models.items import item_similarity
from models.items.item_counts import cooccurrence_counts
from models.items.item_similarity import cosine_similarities, most_similar, top_rows
from tests.encoded import make_sessions


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


def test_most_similar_items_are_the_same_in_whatever_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the best of all cosines at once: rows of 0 to 30 entries, at most 40 at a time."""
    generator = np.random.default_rng(2)
    counts = generator.integers(1, 4, size=(30, 30)) * (generator.random((30, 30)) < np.linspace(0, 1, 30)[:, None])
    matrix = csr_array(counts + np.diag(np.full(30, 5.0)))
    whole = top_rows(cosine_similarities(matrix, shrinkage=2.0), 6)
    monkeypatch.setattr(item_similarity, "ENTRIES_AT_ONCE", 40)
    in_blocks = most_similar(matrix, 6, shrinkage=2.0)
    assert in_blocks.index.tolist() == whole.index.tolist()
    assert in_blocks.value.tolist() == whole.value.tolist()
    assert cosine_similarities(matrix, rows=slice(7, 8)).toarray().tolist() == [
        cosine_similarities(matrix).toarray()[7].tolist()
    ]
