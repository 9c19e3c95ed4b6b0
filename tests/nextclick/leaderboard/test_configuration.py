from pathlib import Path

import pytest

from models.baselines.session_knn import SessionKNN
from models.errors import SettingsError
from models.networks.gru import GRUConfig
from models.networks.markov import MarkovConfig
from models.training.config import TrainingConfig
from nextclick.leaderboard.configuration import Assembled, LeaderboardConfig, kind_of, load_leaderboard_config

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


def test_an_ensemble_is_made_of_networks_by_their_names(tmp_path: Path) -> None:
    """Each with its first seed, in the order in which the ensemble names them; another's name is refused."""
    network = '[[networks]]\ndataset = "{0}"\nname = "{1}"\nconfig = {{network = {{kind = "{1}"}}}}\nseeds = [{2}]\n'
    networks = network.format("eshop", "gru", "3, 4") + network.format("eshop", "markov", 5)
    ensemble = '[[ensembles]]\ndataset = "eshop"\nname = "both"\nmembers = ["markov", "gru"]\nweights = [1.0, 2.0]\n'
    entry = load(tmp_path, networks + ensemble).entries()[-1]
    assert (str(entry), kind_of(entry.model)) == ("eshop/both/5", "ensemble")
    assert isinstance(entry.model, Assembled)
    assert [(member.network, member.seed) for member in entry.model.members] == [(MarkovConfig(), 5), (GRUConfig(), 3)]
    assert entry.model.weights == (1.0, 2.0)
    elsewhere = network.format("globo", "gru", 3) + network.format("eshop", "markov", 5)
    with pytest.raises(SettingsError, match=r"eshop/both has a member gru, but no \[\[networks\]\] of eshop"):
        load(tmp_path, elsewhere + ensemble).entries()


def test_the_same_may_be_measured_on_several_data_sets(tmp_path: Path) -> None:
    baseline = '[[baselines]]\ndataset = ["eshop", "globo"]\nmodel = {kind = "popularity"}\n'
    network = '[[networks]]\ndataset = ["eshop", "globo"]\nname = "gru"\nconfig = {network = {kind = "gru"}}\n'
    assert [str(entry) for entry in load(tmp_path, baseline + network).entries()] == [
        "eshop/popularity/0",
        "globo/popularity/0",
        "eshop/gru/0",
        "globo/gru/0",
    ]


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
