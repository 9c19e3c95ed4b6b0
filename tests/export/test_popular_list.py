import numpy as np
import pytest

from export.artifact import Artifact
from export.popular_list import PopularList


def test_the_most_clicked_come_first_with_the_log_of_their_share(tiny_artifact: Artifact) -> None:
    """300 of 4,650 clicks, one added to each of 30 items."""
    top_item, top_score = PopularList(tiny_artifact).rank(np.full((2, 5), -1))
    assert top_item.tolist() == [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]] * 2
    assert top_score[0, 0] == pytest.approx(np.log(301 / 4_680))


def test_excluded_items_are_replaced_by_the_next(tiny_artifact: Artifact) -> None:
    """Each user's own; an item named twice, or one far down, makes no difference."""
    exclude_index = np.array([[0, 0, 2, -1, -1], [29, 28, -1, -1, -1]])
    top_item, _ = PopularList(tiny_artifact).rank(exclude_index)
    assert top_item.tolist() == [[1, 3, 4, 5, 6, 7, 8, 9, 10, 11], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]]


def test_a_bias_moves_items_up_and_out(tiny_artifact: Artifact) -> None:
    """A boost of 100 beats any popularity; -inf is not available."""
    bias = np.zeros(30, np.float32)
    bias[29], bias[0] = 100, -np.inf
    top_item, _ = PopularList(tiny_artifact, bias).rank(np.full((1, 5), -1))
    assert top_item[0].tolist() == [29, 1, 2, 3, 4, 5, 6, 7, 8, 9]


def test_where_too_few_items_are_left_the_scores_say_so(tiny_artifact: Artifact) -> None:
    """As in rank.onnx: -inf marks the end of the list."""
    bias = np.full(30, -np.inf, np.float32)
    bias[:3] = 0
    top_item, top_score = PopularList(tiny_artifact, bias).rank(np.array([[1, -1, -1, -1, -1]]))
    assert np.isfinite(top_score[0]).sum() == 2
    assert set(top_item[0][np.isfinite(top_score[0])].tolist()) == {0, 2}
