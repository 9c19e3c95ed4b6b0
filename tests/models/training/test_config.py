from pathlib import Path

import msgspec
import pytest

from models.errors import SettingsError
from models.networks.gru import GRUConfig
from models.training.augmentation import Augmentation, Crop
from models.training.config import (
    TrainingConfig,
    config_for,
    encode_training_config,
    load_training_config,
    parse_training_config,
    shipped_configs,
)
from models.training.losses import BPRMax
from models.training.optimisers import SGD
from models.training.schedules import Cosine


def test_a_file_says_what_differs_from_the_defaults() -> None:
    """Sections and their tagged members are read; what is not named keeps its default."""
    config = parse_training_config(
        b"""
        epochs = 3
        features = ["time_gap"]
        [network]
        kind = "gru"
        hidden_size = 7
        [optimiser]
        name = "sgd"
        learning_rate = 0.5
        [schedule]
        name = "cosine"
        warmup_epochs = 0.5
        """,
        "a test",
    )
    assert config.epochs == 3
    assert config.network == GRUConfig(hidden_size=7)
    assert config.features == ("time_gap",)
    assert config.optimiser == SGD(learning_rate=0.5)
    assert config.schedule == Cosine(warmup_epochs=0.5)
    assert config.batches.order == "time"


@pytest.mark.parametrize(
    ("toml", "complaint"),
    [
        (b"epoch = 3", "unknown field `epoch`"),
        (b"[network]\nkind = 'lstm'\nhiden_size = 3", "unknown field `hiden_size`"),
        (b"[optimiser]\nname = 'adam'\nmomentum = 0.9", "unknown field `momentum`"),
        (b"[optimiser]\nname = 'lion'", "Invalid value 'lion'"),
        (b"[network]\nkind = 'rnn'", "Invalid value 'rnn'"),
        (b"[network]\nhidden_size = 3", "missing required field `kind`"),
        (b"[loss]\nname = 'hinge'", "Invalid value 'hinge'"),
        (b"epochs = 0", ">= 1"),
        (b"seed = -1", ">= 0"),
        (b"[network]\nkind = 'lstm'\noutput_dropout = 1.0", "< 1"),
        (b"[validation]\nmetric = 'Recall@7'", "there is no metric Recall@7"),
        (b"[optimiser]\nname = 'sgd'\nlearning_rate = 0.0", "> 0"),
        (b"[schedule]\nname = 'cosine'\nwarmup_epochs = -1.0", ">= 0"),
        (b"epochs = ", "Invalid value"),
    ],
)
def test_what_must_not_be_there_is_refused_by_name(toml: bytes, complaint: str) -> None:
    """A misspelt key or an impossible value ends in one clear line, never in a silent default."""
    with pytest.raises(SettingsError, match=complaint) as raised:
        parse_training_config(toml, "shop.toml")
    assert "shop.toml" in str(raised.value)


@pytest.mark.parametrize("name", shipped_configs())
def test_every_shipped_configuration_is_valid(name: str) -> None:
    """The committed files are read by their names."""
    assert load_training_config(name).epochs >= 1


def test_eshop_live_is_eshop_whose_live_counts_are_judged() -> None:
    """In nothing else they differ: the network is the same, bit for bit."""
    plain, live = load_training_config("eshop"), load_training_config("eshop-live")
    assert (plain.live_counts.fit, live.live_counts.fit) == (False, True)
    assert msgspec.structs.replace(live, live_counts=plain.live_counts) == plain


def test_a_data_set_has_its_own_configuration_or_the_defaults() -> None:
    """`nextclick train --dataset eshop` needs no --config."""
    assert config_for("eshop").optimiser.learning_rate == 0.05
    assert config_for("a shop of one's own") == TrainingConfig()


def test_a_file_is_found_by_its_path(tmp_path: Path) -> None:
    """A configuration of one's own lies anywhere."""
    path = tmp_path / "own.toml"
    path.write_text("epochs = 2\n", encoding="utf-8")
    assert load_training_config(str(path)).epochs == 2


def test_a_missing_configuration_names_those_there_are() -> None:
    """The message lists the shipped names."""
    with pytest.raises(SettingsError, match="eshop"):
        load_training_config("nowhere.toml")


def test_the_public_log_has_the_configuration_of_its_split() -> None:
    """`eshop-2008` becomes the same clicks as `eshop`; a data set that nobody has tuned has the defaults."""
    assert config_for("eshop-2008") == config_for("eshop") != TrainingConfig()
    assert config_for("one-of-your-own") == TrainingConfig()


@pytest.mark.parametrize("name", shipped_configs())
def test_a_configuration_comes_back_as_it_was_written(name: str) -> None:
    """Whole, with all of its defaults; what is None is left out."""
    config = load_training_config(name)
    assert parse_training_config(encode_training_config(config), "written") == config


def test_every_section_is_written() -> None:
    """Augmentation, loss and features too."""
    config = TrainingConfig(
        features=("time_gap",),
        augmentation=Augmentation(crop=Crop(share=0.5)),
        loss=BPRMax(negatives=3),
        optimiser=SGD(momentum=0.0),
        sparse_gradients=True,
        gradient_clip_norm=1.5,
    )
    assert parse_training_config(encode_training_config(config), "written") == config


def test_a_feature_that_is_named_twice_is_refused() -> None:
    """It would be two columns of the same numbers."""
    with pytest.raises(SettingsError, match="features names one of them twice"):
        parse_training_config(b'features = ["time_gap", "time_gap"]', "mine")
