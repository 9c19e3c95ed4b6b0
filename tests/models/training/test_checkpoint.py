import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from models.errors import CheckpointError
from models.networks.lstm import LSTMConfig
from models.networks.sequence_network import NetworkInputs
from models.sequences.features import EventType, TimeGap, feature_width
from models.sequences.vocabulary import ItemId, ItemVocabulary
from models.session_rule import SessionRule
from models.training.checkpoint import Checkpoint, CheckpointDescription, load_checkpoint, save_checkpoint
from models.training.config import TrainingConfig
from models.training.training_data import TrainingData

CATALOGUE = pl.DataFrame({"item_id": ["a", "b"], "title": ["Älg", "Bär"]})


def make_checkpoint(*, catalogue: pl.DataFrame | None = CATALOGUE, tied: bool = True) -> Checkpoint:
    """An untrained network of two layers over three items, with everything that belongs to it."""
    torch.manual_seed(0)
    features = (TimeGap(mean=1.5, std=0.5), EventType(("buy", "view")))
    config = LSTMConfig(embedding_size=4, hidden_size=5, layers=2, tied=tied)
    vocabulary = ItemVocabulary([ItemId(item_id) for item_id in ("b", "a", "ø")])
    return Checkpoint(
        network=config.build(NetworkInputs(3, feature_width(features))).eval(),
        vocabulary=vocabulary,
        popularity=np.array([7, 2, 1]),
        catalogue=catalogue,
        description=CheckpointDescription(
            network=config,
            features=features,
            session_rule=SessionRule(by_id=False, gap_ms=1_800_000),
            exclude_seen=True,
            training_data=TrainingData("shop", 10, 3, 1_000, 2_000),
            config=TrainingConfig(seed=5),
            history=(),
            metrics={"Recall@20": 0.5},
            vocabulary_digest=vocabulary.digest,
            libraries={"torch": "2"},
        ),
    )


@pytest.mark.parametrize("tied", [True, False])
def test_a_checkpoint_comes_back_as_it_was(tmp_path: Path, tied: bool) -> None:
    """Weights bit for bit, items in row order, and every fact beside them."""
    saved = make_checkpoint(tied=tied)
    save_checkpoint(tmp_path / "shop", saved)
    loaded = load_checkpoint(tmp_path / "shop")
    weights, expected = loaded.network.state_dict(), saved.network.state_dict()
    assert weights.keys() == expected.keys()
    assert all(torch.equal(weights[name], expected[name]) for name in expected)
    assert not loaded.network.training
    assert loaded.vocabulary.item_ids == ("b", "a", "ø")
    assert loaded.popularity.tolist() == [7, 2, 1]
    assert loaded.description == saved.description
    assert loaded.catalogue is not None
    assert loaded.catalogue.equals(CATALOGUE)


def test_nothing_in_it_is_pickled(tmp_path: Path) -> None:
    """JSON, safetensors and Parquet: reading a stranger's checkpoint runs none of the stranger's code."""
    save_checkpoint(tmp_path / "shop", make_checkpoint())
    files = {path.name: path.read_bytes() for path in (tmp_path / "shop").iterdir()}
    assert sorted(files) == ["catalogue.parquet", "checkpoint.json", "items.parquet", "weights.safetensors"]
    json.loads(files["checkpoint.json"])
    header_length = int.from_bytes(files["weights.safetensors"][:8], "little")
    assert "items.embedding.weight" in json.loads(files["weights.safetensors"][8 : 8 + header_length])
    assert all(files[name].startswith(b"PAR1") for name in ("items.parquet", "catalogue.parquet"))


def test_no_catalogue_is_no_file(tmp_path: Path) -> None:
    """Also where an older checkpoint in its place had one."""
    save_checkpoint(tmp_path / "shop", make_checkpoint())
    save_checkpoint(tmp_path / "shop", make_checkpoint(catalogue=None))
    assert load_checkpoint(tmp_path / "shop").catalogue is None


def test_a_missing_checkpoint_says_how_to_make_one(tmp_path: Path) -> None:
    """The remedy is a command."""
    with pytest.raises(CheckpointError, match=r"There is no checkpoint at .*: make one with `nextclick train`"):
        load_checkpoint(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["weights.safetensors", "items.parquet"])
def test_an_incomplete_checkpoint_names_the_file(tmp_path: Path, name: str) -> None:
    """What is missing is said."""
    save_checkpoint(tmp_path / "shop", make_checkpoint())
    (tmp_path / "shop" / name).unlink()
    with pytest.raises(CheckpointError, match=f"incomplete, {name} is missing"):
        load_checkpoint(tmp_path / "shop")


def test_a_newer_format_is_refused_whatever_else_it_says(tmp_path: Path) -> None:
    """Its other fields may have any shape."""
    save_checkpoint(tmp_path / "shop", make_checkpoint())
    (tmp_path / "shop" / "checkpoint.json").write_text('{"format_version": 3, "network": "a gru"}', encoding="utf-8")
    with pytest.raises(CheckpointError, match="format 3, this nextclick reads format 2: upgrade"):
        load_checkpoint(tmp_path / "shop")


@pytest.mark.parametrize(
    ("name", "content"),
    [("checkpoint.json", b"{"), ("weights.safetensors", b"not tensors"), ("items.parquet", b"not a table")],
)
def test_a_broken_file_is_an_error_of_ours(tmp_path: Path, name: str, content: bytes) -> None:
    """Whatever library stumbles over it, the message tells to train again."""
    save_checkpoint(tmp_path / "shop", make_checkpoint())
    (tmp_path / "shop" / name).write_bytes(content)
    with pytest.raises(CheckpointError, match="train again"):
        load_checkpoint(tmp_path / "shop")


def test_another_networks_weights_are_refused(tmp_path: Path) -> None:
    """Tied weights under a description that says untied."""
    save_checkpoint(tmp_path / "tied", make_checkpoint())
    save_checkpoint(tmp_path / "untied", make_checkpoint(tied=False))
    (tmp_path / "tied" / "weights.safetensors").replace(tmp_path / "untied" / "weights.safetensors")
    with pytest.raises(CheckpointError, match="untied_table"):
        load_checkpoint(tmp_path / "untied")


def test_another_vocabulary_is_refused(tmp_path: Path) -> None:
    """The rows would stand for other items."""
    save_checkpoint(tmp_path / "shop", make_checkpoint())
    pl.DataFrame({"item_id": ["a", "b", "ø"], "popularity": [1, 2, 3]}).write_parquet(tmp_path / "shop/items.parquet")
    with pytest.raises(CheckpointError, match="does not hold the items"):
        load_checkpoint(tmp_path / "shop")


def test_a_folder_that_is_no_checkpoint_is_not_overwritten(tmp_path: Path) -> None:
    """It may be somebody's work."""
    (tmp_path / "notes.txt").touch()
    with pytest.raises(CheckpointError, match="in the way"):
        save_checkpoint(tmp_path, make_checkpoint())
