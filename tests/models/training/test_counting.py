"""Counted kinds go the way of trained ones: from a configuration to a checkpoint and back."""

from pathlib import Path

import pytest
import torch

from models.errors import SettingsError
from models.networks.item_knn import ItemKNNConfig
from models.networks.kinds import NetworkConfig, kind_of
from models.networks.markov import MarkovConfig
from models.networks.popularity import PopularityConfig
from models.networks.recency import RecencyConfig
from models.training.checkpoint import load_checkpoint, save_checkpoint
from models.training.config import TrainingConfig, ValidationSection, parse_training_config
from models.training.epoch_report import best_epoch
from models.training.run import evaluate_on_test, train
from tests.models.training.test_run import make_data

KINDS = [PopularityConfig(), RecencyConfig(half_life_hours=3.0), MarkovConfig(), ItemKNNConfig()]


@pytest.mark.parametrize("network", KINDS, ids=kind_of)
def test_a_counted_model_survives_its_checkpoint(network: NetworkConfig, tmp_path: Path) -> None:
    """The same figures on the test clicks before and after; nothing that can be derived is stored."""
    data = make_data()
    config = TrainingConfig(network=network, validation=ValidationSection(share=0.0))
    checkpoint, figures = evaluate_on_test(train(data, config), data)
    save_checkpoint(tmp_path / "counted", checkpoint)
    loaded = load_checkpoint(tmp_path / "counted")
    assert evaluate_on_test(loaded, data)[1] == figures
    assert loaded.description == checkpoint.description
    assert next(loaded.network.parameters(), None) is None


def test_a_chain_knows_the_circle() -> None:
    """What follows an item is always the same one: found in one pass, where popularity finds little."""
    data = make_data()
    config = TrainingConfig(network=MarkovConfig(), validation=ValidationSection(share=0.0))
    _, figures = evaluate_on_test(train(data, config), data)
    assert figures.network.metrics["Recall@1"] == 1.0
    assert figures.popularity.metrics["Recall@1"] < 0.3


def test_the_validation_period_is_judged_and_not_counted() -> None:
    """One report, without a loss: what a half life is chosen by."""
    config = TrainingConfig(network=MarkovConfig(), validation=ValidationSection(share=0.25))
    description = train(make_data(), config).description
    (report,) = description.history
    assert report.loss is None
    assert report.validation is not None
    assert report.validation.sessions == 15
    assert description.training_data.sessions == 45
    assert best_epoch(description.history, "MRR@20") == 1


def test_settings_of_training_are_refused() -> None:
    """They would change nothing: the message names them."""
    config = parse_training_config(
        b'epochs = 3\n[network]\nkind = "markov"\n[optimiser]\nname = "adam"\nlearning_rate = 0.001', "made"
    )
    with pytest.raises(SettingsError, match=r"counted in one pass .*: leave `optimiser`, `epochs` out"):
        train(make_data(), config)


def test_the_seed_changes_nothing() -> None:
    """A leaderboard gives every model seeds."""
    first, second = (
        train(make_data(), TrainingConfig(network=MarkovConfig(), seed=seed)).network.state_dict() for seed in (0, 1)
    )
    assert all(torch.equal(first[name], second[name]) for name in first)
