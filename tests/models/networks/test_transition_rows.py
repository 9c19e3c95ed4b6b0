import numpy as np
import pytest
from scipy.sparse import csr_array

from models.networks import transition_rows as module
from models.networks.transition_rows import transition_rows

COUNTS = csr_array(np.array([[0.0, 6.0, 2.0], [0.0, 0.0, 0.0], [1.0, 3.0, 0.0]]))
POPULARITY = np.array([0.2, 0.5, 0.3])


@pytest.mark.parametrize("entries_at_once", [1, 4, 1000])
def test_rows_are_the_mixture_of_counts_and_popularity(monkeypatch: pytest.MonkeyPatch, entries_at_once: int) -> None:
    """By the formula, with two clicks of the prior; the same a row at a time, two, and all at once."""
    monkeypatch.setattr(module, "ENTRIES_AT_ONCE", entries_at_once)
    rows = transition_rows(COUNTS, POPULARITY, prior_clicks=2.0, length=2)
    logits = rows.log_back_off[:, None] + np.log(POPULARITY)
    for row, (index, value) in enumerate(zip(rows.successors.index, rows.successors.value, strict=True)):
        logits[row, index[index >= 0]] += value[index >= 0]
    expected = (COUNTS.toarray() + 2.0 * POPULARITY) / (COUNTS.toarray().sum(axis=1, keepdims=True) + 2.0)
    assert np.exp(logits) == pytest.approx(expected, rel=1e-6)
    assert rows.successors.index.tolist() == [[1, 2], [-1, -1], [1, 0]]
