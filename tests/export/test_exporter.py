import dataclasses
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest

from export.artifact import Artifact
from export.exporter import export_checkpoint, export_model
from export.runtime import ModelRuntime, no_exclusions
from models.errors import ArtifactError, CheckpointError
from models.training.checkpoint import Checkpoint, CheckpointDescription, save_checkpoint
from models.training.config import TrainingConfig
from tests.factories import make_tiny_model, make_tiny_network


@pytest.fixture(scope="module")
def checkpoint_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of the tiny network, on disk."""
    model = make_tiny_model()
    network = make_tiny_network()
    description = CheckpointDescription(
        network=network.config,
        features=(),
        session_rule=model.session_rule,
        exclude_seen=True,
        training_data=model.training_data,
        config=TrainingConfig(),
        history=(),
        metrics={"Recall@20": 0.25},
        vocabulary_digest=model.vocabulary.digest,
        libraries={},
    )
    folder = tmp_path_factory.mktemp("checkpoint") / "tiny"
    save_checkpoint(folder, Checkpoint(network, model.vocabulary, model.popularity, model.catalogue, description))
    return folder


def test_a_checkpoint_becomes_an_artifact_with_all_it_knows(checkpoint_folder: Path, tmp_path: Path) -> None:
    """K and R by default, the state rounded to float16."""
    artifact = export_checkpoint(checkpoint_folder, tmp_path / "artifact")
    manifest = artifact.manifest
    assert manifest.model_kind == "lstm"
    assert [(tensor.name, tensor.shape, tensor.dtype) for tensor in manifest.state] == [
        ("hidden", (1, 8), "float16"),
        ("cell", (1, 8), "float16"),
    ]
    assert (manifest.list_length, manifest.ring_length, manifest.item_count) == (20, 50, 30)
    assert manifest.exclude_seen
    assert manifest.metrics == {"Recall@20": 0.25}
    assert manifest.training_data.dataset == "tiny"
    assert set(manifest.libraries) == {"nextclick", "numpy", "onnx", "onnxruntime", "onnxscript", "torch"}
    assert artifact.items["title"][2] == "Title of item-02"


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    """With the command that makes one."""
    with pytest.raises(CheckpointError, match=r"There is no checkpoint at .*: make one with `nextclick train`"):
        export_checkpoint(tmp_path / "nowhere", tmp_path / "out")


def test_items_keep_the_rows_of_the_network_whatever_the_catalogue_holds(tmp_path: Path) -> None:
    """Other order, other items, a column of its own named popularity, no category; and K is at most V."""
    catalogue = pl.DataFrame(
        {"item_id": ["c", "x", "a"], "popularity": ["high", "low", "low"], "title": ["C", "X", "A"], "year": [3, 9, 1]}
    )
    model = dataclasses.replace(make_tiny_model(item_ids=["a", "b", "c"]), catalogue=catalogue)
    artifact = export_model(model, tmp_path / "artifact", list_length=20, ring_length=2)
    assert artifact.items.to_dicts() == [
        {"item_id": "a", "popularity": 30, "title": "A", "category": None, "year": 1},
        {"item_id": "b", "popularity": 20, "title": None, "category": None, "year": None},
        {"item_id": "c", "popularity": 10, "title": "C", "category": None, "year": 3},
    ]
    assert artifact.manifest.list_length == 3
    runtime = ModelRuntime(artifact)
    top_item, _ = runtime.rank(runtime.initial_state(1), no_exclusions(1, 2), np.array([0, -np.inf, 100], np.float32))
    assert top_item[0].tolist() == [2, 0, 1]


def test_a_catalogue_that_names_an_item_twice_is_refused(tmp_path: Path) -> None:
    """Which title would be the right one?"""
    catalogue = pl.DataFrame({"item_id": ["a", "a"], "title": ["A", "B"]})
    model = dataclasses.replace(make_tiny_model(item_ids=["a", "b", "c"]), catalogue=catalogue)
    with pytest.raises(ArtifactError, match="The catalogue describes an item twice: a"):
        export_model(model, tmp_path / "artifact")


@pytest.mark.parametrize(("list_length", "ring_length"), [(0, 5), (20, 0)])
def test_a_length_of_none_is_refused(tmp_path: Path, list_length: int, ring_length: int) -> None:
    """Before any work is done."""
    with pytest.raises(ArtifactError, match="both need at least 1"):
        export_model(make_tiny_model(), tmp_path / "artifact", list_length=list_length, ring_length=ring_length)


def test_the_model_id_covers_the_dtype_of_the_state(tiny_artifact: Artifact) -> None:
    """The same weights rounded otherwise give other lists: they are another model."""
    state = tuple(msgspec.structs.replace(tensor, dtype="float32") for tensor in tiny_artifact.manifest.state)
    other = msgspec.structs.replace(tiny_artifact.manifest, state=state)
    assert other.computed_model_id() != tiny_artifact.manifest.model_id
