from pathlib import Path

import optuna
import pytest

from models.errors import SettingsError
from models.networks.gru import GRUConfig
from models.networks.lstm import LSTMConfig
from models.training.config import load_training_config
from models.training.losses import BPRMax, CrossEntropy
from nextclick.tuning.search_space import SearchSpace, load_search_space, overridden


def read(tmp_path: Path, dimensions: str) -> SearchSpace:
    """Read a space over the shipped configuration of e-shop."""
    path = tmp_path / "space.toml"
    path.write_text(f'base = "eshop"\n[space]\n{dimensions}', encoding="utf-8")
    return load_search_space(path)


def test_a_point_becomes_a_configuration(tmp_path: Path) -> None:
    """Numbers, kinds and whole tables take the place of what the base has; the rest stays."""
    space = read(
        tmp_path,
        """
        "optimiser.learning_rate" = { low = 0.01, high = 0.2, log = true }
        "network.layers" = { low = 1, high = 2 }
        "network" = { choices = [{ kind = "lstm" }, { kind = "gru", hidden_size = 32 }] }
        "loss" = { choices = [{ name = "cross_entropy" }, { name = "bpr_max", negatives = 64 }] }
        """,
    )
    point: dict[str, float | int | str] = {
        "network": '{"kind":"gru","hidden_size":32}',
        "network.layers": 2,
        "loss": '{"name":"bpr_max","negatives":64}',
        "optimiser.learning_rate": 0.02,
    }
    config = space.config_at(point)
    assert config.network == GRUConfig(hidden_size=32, layers=2)
    assert config.loss == BPRMax(negatives=64)
    assert config.optimiser.learning_rate == 0.02
    assert config.batches == load_training_config("eshop").batches


def test_a_study_chooses_within_the_bounds(tmp_path: Path) -> None:
    """Whole numbers where both ends are whole, steps where there are steps, choices as they were written."""
    space = read(
        tmp_path,
        """
        "network.kind" = { choices = ["lstm"] }
        "network.hidden_size" = { low = 16, high = 64, log = true }
        "network.output_dropout" = { low = 0.1, high = 0.5, step = 0.2 }
        """,
    )
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(20):
        config = space.config_at(space.suggested(study.ask()))
        assert isinstance(config.network, LSTMConfig)
        assert 16 <= config.network.hidden_size <= 64
        assert round(config.network.output_dropout, 6) in {0.1, 0.3, 0.5}
        assert isinstance(config.loss, CrossEntropy)


def test_a_grid_has_every_value(tmp_path: Path) -> None:
    """Choices, whole numbers, steps with both ends."""
    space = read(
        tmp_path,
        """
        "network.tied" = { choices = [true, false] }
        "network.layers" = { low = 1, high = 3 }
        "network.output_dropout" = { low = 0.1, high = 0.3, step = 0.1 }
        """,
    )
    grid = space.grid()
    assert grid["network.tied"] == ["true", "false"]
    assert grid["network.layers"] == [1, 2, 3]
    assert grid["network.output_dropout"] == pytest.approx([0.1, 0.2, 0.3])


def test_a_grid_without_end_is_refused(tmp_path: Path) -> None:
    """The line names the key."""
    space = read(tmp_path, '"optimiser.learning_rate" = { low = 0.01, high = 0.2 }')
    with pytest.raises(SettingsError, match=r'`step` for "optimiser\.learning_rate"'):
        space.grid()


@pytest.mark.parametrize(
    ("dimensions", "message"),
    [
        ('"network.hiden_size" = { choices = [8] }', "unknown field `hiden_size`"),
        ('"network.hidden_size" = { low = 0, high = 8 }', ">= 1"),
        ('"network.hidden_size" = { choices = [8], low = 1, high = 2 }', "either `choices`, or"),
        ('"network.hidden_size" = { low = 9, high = 8 }', "above"),
        ('"optimiser.learning_rate" = { low = 0.0, high = 1.0, log = true }', "`low` above 0"),
        ('"epochs.count" = { choices = [8] }', "epochs is a value"),
        ('"live_counts.delay_s" = { choices = [0, 60] }', "changes no figure of a trial"),
        ('"validation.share" = { choices = [0.1, 0.2] }', "different validation periods or metrics cannot be compared"),
        ('"validation" = { choices = [{ metric = "MRR@5" }, { metric = "MRR@20" }] }', "cannot be compared"),
        ("", "is empty"),
    ],
)
def test_what_does_not_hold_is_said_before_anything_is_trained(tmp_path: Path, dimensions: str, message: str) -> None:
    """Misspelt keys, bounds beyond what the setting may be, ranges that are none."""
    with pytest.raises(SettingsError, match=message):
        read(tmp_path, dimensions)


def test_another_space_has_another_digest(tmp_path: Path) -> None:
    """Its base counts too: epochs, the validation period, the metric."""
    space = read(tmp_path, '"network.layers" = { low = 1, high = 2 }')
    other = read(tmp_path, '"network.layers" = { low = 1, high = 3 }')
    longer = overridden(space, 7, None, None)
    by_recall = overridden(space, None, 0.2, "Recall@20")
    assert len({space.digest, other.digest, longer.digest, by_recall.digest}) == 4
    assert (by_recall.base.validation.share, by_recall.base.validation.metric) == (0.2, "Recall@20")
    with pytest.raises(SettingsError, match="no metric Precision"):
        overridden(space, None, None, "Precision")
