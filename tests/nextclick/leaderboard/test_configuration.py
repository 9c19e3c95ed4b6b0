from pathlib import Path

import pytest

from models.baselines.session_knn import SessionKNN
from models.errors import SettingsError
from models.training.config import TrainingConfig
from nextclick.leaderboard.configuration import LeaderboardConfig, kind_of, load_leaderboard_config

COMMITTED = Path(__file__).parents[3] / "benchmarks" / "leaderboard.toml"


def load(tmp_path: Path, text: str) -> LeaderboardConfig:
    """Read a configuration of this text."""
    path = tmp_path / "board.toml"
    path.write_text(text, encoding="utf-8")
    return load_leaderboard_config(path)


def test_a_network_is_one_entry_a_seed_and_a_baseline_is_called_by_its_kind(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        """
        [[networks]]
        dataset = "eshop"
        name = "lstm"
        config = "eshop"
        seeds = [0, 3]
        [[baselines]]
        dataset = "eshop"
        model = {kind = "session_knn", neighbours = 7}
        tuned_on = "nothing"
        [[networks]]
        dataset = "eshop"
        name = "small"
        config = {epochs = 2, network = {kind = "gru"}}
        """,
    )
    entries = config.entries()
    assert [str(entry) for entry in entries] == [
        "eshop/session_knn/0",
        "eshop/lstm/0",
        "eshop/lstm/3",
        "eshop/small/0",
    ]
    assert [kind_of(entry.model) for entry in entries] == ["session_knn", "lstm", "lstm", "gru"]
    assert entries[0].model == SessionKNN(neighbours=7)
    assert isinstance(entries[2].model, TrainingConfig)
    assert entries[2].model.seed == 3
    assert [entry.tuned_on for entry in entries] == ["nothing", "defaults", "defaults", "defaults"]


def test_unknown_keys_and_kinds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="neighbors"):
        load(tmp_path, '[[baselines]]\ndataset = "eshop"\nmodel = {kind = "session_knn", neighbors = 7}\n')
    with pytest.raises(SettingsError, match="oracle"):
        load(tmp_path, '[[baselines]]\ndataset = "eshop"\nmodel = {kind = "oracle"}\n')
    with pytest.raises(SettingsError, match=r"no leaderboard configuration .*nowhere\.toml"):
        load_leaderboard_config(tmp_path / "nowhere.toml")


def test_two_entries_of_one_name_are_refused(tmp_path: Path) -> None:
    """Both would have the same line."""
    twice = '[[baselines]]\ndataset = "eshop"\nmodel = {kind = "popularity"}\n' * 2
    with pytest.raises(SettingsError, match="eshop/popularity/0 twice"):
        load(tmp_path, twice).entries()


def test_the_committed_configuration_holds() -> None:
    """Every data set and training configuration that it names can be had."""
    entries = load_leaderboard_config(COMMITTED).entries()
    assert {"eshop", "globo", "movielens-latest-small", "movielens-100k"} <= {entry.dataset for entry in entries}
