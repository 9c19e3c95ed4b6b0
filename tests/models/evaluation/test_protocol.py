from dataclasses import replace

import numpy as np
import pytest
import torch

from models.errors import DataError
from models.evaluation.metrics import figures_of, ranks_from_scores
from models.evaluation.protocol import evaluate_network, evaluate_popularity, network_scores
from models.networks.lstm import LSTMConfig, LSTMNetwork
from models.networks.sequence_network import NetworkInputs
from models.sequences.encoded_sessions import EncodedSessions, enumerate_predictions, last_items
from tests.encoded import make_sessions


def make_network(item_count: int = 40, feature_width: int = 0) -> LSTMNetwork:
    """An untrained network of two layers."""
    torch.manual_seed(1)
    config = LSTMConfig(embedding_size=4, hidden_size=6, layers=2, output_dropout=0.5)
    return LSTMNetwork(config, NetworkInputs(item_count, feature_width)).eval()


def ranks_click_by_click(network: LSTMNetwork, sessions: EncodedSessions) -> list[int]:
    """The protocol the slow way: one session at a time, one step a click, an unknown item steps nowhere."""
    ranks = []
    for begin, end in zip(sessions.first_click[:-1], sessions.first_click[1:], strict=True):
        state = network.initial_state(1)
        for click in range(begin, end - 1):
            if sessions.item_index[click] >= 0:
                item_index = torch.from_numpy(sessions.item_index[click : click + 1])
                features = torch.from_numpy(sessions.features[click : click + 1])
                state = network.step(item_index, features, state)
            scores = network.scores(state).numpy()
            ranks.extend(ranks_from_scores(scores, sessions.item_index[click + 1 : click + 2]).tolist())
    return ranks


def test_batched_evaluation_equals_stepping_click_by_click() -> None:
    """Sessions of many lengths, batched by length and padded, with features and unknown items, at any position."""
    generator = np.random.default_rng(5)
    sessions = make_sessions(
        *(generator.integers(-1, 40, size=length).tolist() for length in (3, 1, 9, 2, 2, 30, 5)), feature_width=2
    )
    network = make_network(feature_width=2)
    with torch.inference_mode():
        expected = figures_of(np.array(ranks_click_by_click(network, sessions)))
    report = evaluate_network(network, sessions)
    assert {name: report.metrics[name] for name in expected} == pytest.approx(expected)
    assert (report.predictions, report.sessions) == (45, 6)
    assert report.unknown_targets == np.count_nonzero(enumerate_predictions(sessions).target_index == -1)


def test_history_is_stepped_through_and_not_predicted() -> None:
    """The scores before the clicks that are predicted are those of whole sessions."""
    sessions = make_sessions([1, 2, 3, 4, 5], [6, 7], [8, 9, -1, 10])
    with_history = replace(sessions, first_predicted=np.array([4, 1, 2]))
    network = make_network()
    of_all = {row: scores for block in network_scores(network, sessions) for row, scores in zip(*block, strict=True)}
    found = {row: scores for block in network_scores(network, with_history) for row, scores in zip(*block, strict=True)}
    # Of the eight clicks that follow another one in their session, these four are no history.
    assert sorted(found) == [0, 1, 2, 3]
    for row, among_all in enumerate([3, 4, 6, 7]):
        assert found[row] == pytest.approx(of_all[among_all])


def test_scores_cover_every_prediction_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where memory allows only a few cells and rows at once."""
    monkeypatch.setattr("models.evaluation.protocol._CELLS_AT_ONCE", 12)
    monkeypatch.setattr("models.evaluation.scorer._PREDICTIONS_AT_ONCE", 3)
    sessions = make_sessions([1, 2, 3, 4, 5], [6], [7, 8], [9, 10, 11])
    blocks = list(network_scores(make_network(), sessions))
    assert sorted(row for block in blocks for row in block.rows.tolist()) == list(range(7))
    assert max(len(block.rows) for block in blocks) <= 3


def test_evaluation_leaves_the_network_in_its_mode() -> None:
    """Dropout is off while the figures are taken and on again afterwards."""
    network, sessions = make_network().train(), make_sessions([1, 2, 3, 4, 5, 6])
    assert evaluate_network(network, sessions) == evaluate_network(network, sessions)
    assert network.training


def test_popularity_ranks_by_training_clicks() -> None:
    """Item 2 is most clicked, then 0; 1 and 3 tie, so each of them is last."""
    report = evaluate_popularity(np.array([5, 1, 9, 1]), make_sessions([0, 2], [2, 0], [0, 1]))
    assert report.metrics["Recall@1"] == pytest.approx(1 / 3)
    assert report.metrics["MRR@5"] == pytest.approx((1 + 1 / 2 + 1 / 4) / 3)


def test_coverage_counts_the_items_that_lists_of_twenty_reach() -> None:
    """Popularity alone lists the same 20 of 40 items to everybody; the seen filter lets one more in."""
    popularity = np.arange(40)
    assert evaluate_popularity(popularity, make_sessions([39, 38])).metrics["Coverage@20"] == 20 / 40
    assert evaluate_popularity(popularity, make_sessions([39, 38]), exclude_last=1).metrics["Coverage@20"] == 20 / 40
    two_lists = make_sessions([39, 38], [1, 38])
    assert evaluate_popularity(popularity, two_lists, exclude_last=1).metrics["Coverage@20"] == 21 / 40


def test_the_seen_filter_moves_what_was_not_seen_up() -> None:
    """After a click on the best item the second best is first; a target that was seen is a miss."""
    sessions = make_sessions([2, 0], [2, 2])
    popularity = np.array([5, 1, 9])
    assert evaluate_popularity(popularity, sessions).metrics["Recall@1"] == pytest.approx(0.5)
    report = evaluate_popularity(popularity, sessions, exclude_last=1)
    assert report.metrics["Recall@1"] == pytest.approx(0.5)
    assert report.metrics["MRR@5"] == pytest.approx((1 + 1 / 3) / 2)


def test_the_seen_filter_looks_back_as_far_as_it_is_told() -> None:
    """Item 2 was clicked two clicks ago: a filter of one click lists it again."""
    sessions = make_sessions([2, 1, 2])
    predictions = enumerate_predictions(sessions)
    assert last_items(sessions, predictions, np.array([1]), 1).tolist() == [[1]]
    popularity = np.array([5, 1, 9])
    assert evaluate_popularity(popularity, sessions, exclude_last=1).metrics["Recall@1"] == pytest.approx(0.5)
    assert evaluate_popularity(popularity, sessions, exclude_last=2).metrics["Recall@1"] == pytest.approx(0.0)


def test_nothing_to_predict_is_an_error() -> None:
    """Figures over no predictions would be made up."""
    with pytest.raises(DataError, match="no session has two clicks"):
        evaluate_network(make_network(), make_sessions([1], [2]))
