from pathlib import Path

import pytest
import torch

from models.errors import DataError
from models.networks.ensemble import EnsembleConfig, EnsembleNetwork, MemberSection
from models.networks.lstm import LSTMConfig
from models.networks.markov import MarkovConfig
from models.networks.popularity import PopularityConfig
from models.networks.sequence_network import NetworkInputs
from models.sequences.encoded_sessions import EncodedSessions
from models.training import ensemble_weights
from models.training.checkpoint import load_checkpoint, save_checkpoint
from models.training.config import BatchSection, TrainingConfig, ValidationSection
from models.training.ensemble_weights import fit_weights
from models.training.optimisers import Adam
from models.training.run import evaluate_on_test, train
from tests.encoded import make_sessions
from tests.models.training.test_run import make_data

LSTM = LSTMConfig(embedding_size=8, hidden_size=8, embedding_dropout=0.0, output_dropout=0.0)
MEMBERS = (MemberSection(LSTM), MemberSection(LSTM, weight=0.5), MemberSection(MarkovConfig(), weight=0.25))


def make_config(*, share: float) -> TrainingConfig:
    """Two networks and a chain, three epochs each."""
    return TrainingConfig(
        network=EnsembleConfig(MEMBERS),
        batches=BatchSection(lanes=4, window=4, loss_divisor=4.0),
        optimiser=Adam(learning_rate=0.03),
        validation=ValidationSection(share=share),
        epochs=3,
    )


def test_an_ensemble_is_trained_weighed_and_read_again(tmp_path: Path) -> None:
    """One checkpoint with all members and the fitted weights in it: the same figures before and after."""
    data = make_data()
    checkpoint, figures = evaluate_on_test(train(data, make_config(share=0.25)), data)
    (report,) = checkpoint.description.history
    assert report.validation is not None
    assert report.validation.sessions == 15
    fitted = checkpoint.description.network
    assert isinstance(fitted, EnsembleConfig)
    assert [member.network for member in fitted.members] == [member.network for member in MEMBERS]
    assert [member.weight for member in fitted.members] != [1.0, 0.5, 0.25]
    save_checkpoint(tmp_path / "ensemble", checkpoint)
    assert evaluate_on_test(load_checkpoint(tmp_path / "ensemble"), data)[1] == figures
    assert figures.network.metrics["Recall@1"] > figures.popularity.metrics["Recall@1"]


def test_without_a_validation_period_the_weights_are_the_configurations() -> None:
    """All sessions are learned, by all members."""
    description = train(make_data(), make_config(share=0.0)).description
    assert description.network == EnsembleConfig(MEMBERS)
    assert description.training_data.sessions == 60


def test_members_differ_and_training_again_gives_the_same() -> None:
    """Each member has weights and chance of its own, and both follow from the seed."""
    first, second = (train(make_data(), make_config(share=0.0)).network for _ in range(2))
    assert isinstance(first, EnsembleNetwork)
    assert not torch.equal(first.members[0].item_table, first.members[1].item_table)
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, second.state_dict()[name]), name


def test_weights_are_those_of_the_least_cross_entropy() -> None:
    """Popularity is the truth here: it takes part with its whole weight, and an untrained network with next to none."""
    config = EnsembleConfig((MemberSection(LSTM), MemberSection(PopularityConfig(), weight=0.5)))
    torch.manual_seed(0)
    ensemble = config.build(NetworkInputs(3)).eval()
    sessions = make_sessions(*[[item] * 8 for item in (0, 0, 0, 0, 1, 1, 2)])
    ensemble.fit(sessions)
    torch.nn.init.zeros_(ensemble.members[0].item_table)
    mixed = make_sessions([2, 0, 0, 1, 0, 2, 1, 0], [1, 0, 0, 1, 0, 0, 2, 0, 1])
    _, of_popularity = fit_weights(ensemble, mixed)
    # 15 targets, 0 nine times, 1 four times, 2 twice: popularity (32, 16, 8) is as steep as they are with the weight
    # w where the expected log-popularity under p^w is the targets' mean.
    log_popularity = ensemble.members[1].item_offset
    expected = torch.softmax(of_popularity * log_popularity, dim=0) @ log_popularity
    observed = (9 * log_popularity[0] + 4 * log_popularity[1] + 2 * log_popularity[2]) / 15
    assert expected.item() == pytest.approx(observed.item(), abs=1e-4)


def test_weights_are_fitted_to_evenly_spaced_clicks_of_all_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every third of ten targets, two sessions a piece; the unknown one is not among the ten."""
    config = EnsembleConfig((MemberSection(LSTM), MemberSection(PopularityConfig())))
    ensemble = config.build(NetworkInputs(5)).eval()
    sessions = make_sessions([0, 1, 2, 3], [0, 4, -1, 0], [0, 1], [0, 2, 3], [0, 4, 1])
    ensemble.fit(sessions)
    whole, _ = ensemble_weights.scores_of_members(ensemble, sessions)
    monkeypatch.setattr(EncodedSessions.pieces, "__defaults__", (8,))
    monkeypatch.setattr(ensemble_weights, "SCORES_AT_ONCE", 2 * 5 * 4)
    scores, target = ensemble_weights.scores_of_members(ensemble, sessions)
    assert len(list(sessions.pieces())) == 2
    assert target.tolist() == [1, 4, 2, 1]
    assert scores.detach().numpy() == pytest.approx(whole[:, ::3].detach().numpy())


def test_a_period_of_unknown_items_is_no_period_to_weigh_by() -> None:
    ensemble = EnsembleConfig((MemberSection(LSTM),)).build(NetworkInputs(3)).eval()
    with pytest.raises(DataError, match="No click of the validation period is on an item that was learned"):
        fit_weights(ensemble, make_sessions([0, -1], [1, -1]))
