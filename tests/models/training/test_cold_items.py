from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from export.exporter import export_checkpoint
from export.runtime import ModelRuntime, no_exclusions
from models.errors import DataError
from models.sequences.vocabulary import ItemVocabulary
from models.session_rule import SessionRule
from models.training.checkpoint import Checkpoint, CheckpointDescription, load_checkpoint, save_checkpoint
from models.training.cold_items import with_cold_items
from models.training.config import TrainingConfig
from models.training.training_data import TrainingData
from tests.factories import make_tiny_network
from tests.models.content import CATALOGUE, SMALL, WARM, make_content_network, make_reader


def make_checkpoint() -> Checkpoint:
    """An untrained network that reads a catalogue, trained on nine of its twelve items."""
    return Checkpoint(
        network=make_content_network(feature_width=0),
        vocabulary=WARM,
        popularity=np.arange(9, 0, -1),
        catalogue=CATALOGUE,
        description=CheckpointDescription(
            network=SMALL,
            features=(),
            session_rule=SessionRule(),
            exclude_seen=False,
            training_data=TrainingData("shop", 10, 3, 1_000, 2_000),
            config=TrainingConfig(network=SMALL),
            history=(),
            metrics={},
            vocabulary_digest=WARM.digest,
            libraries={},
            contents=make_reader(),
        ),
    )


def test_a_network_that_reads_a_catalogue_comes_back_as_it_was(tmp_path: Path) -> None:
    """Its checkpoint has the weights, the words and the catalogue; vectors are computed from them again."""
    saved = make_checkpoint()
    save_checkpoint(tmp_path / "shop", saved)
    loaded = load_checkpoint(tmp_path / "shop")
    assert loaded.description == saved.description
    item_index, features = torch.tensor([[0, 5, 8]]), torch.zeros(1, 3, 0)
    with torch.inference_mode():
        expected = saved.network.sequence_scores(item_index, features)
        assert torch.equal(loaded.network.sequence_scores(item_index, features), expected)


def test_the_catalogues_other_items_follow_behind() -> None:
    """In the order of their ids, without popularity; the training items keep their rows and scores."""
    checkpoint = make_checkpoint()
    served = with_cold_items(checkpoint)
    assert served.vocabulary.item_ids == (*WARM.item_ids, "item-10", "item-11", "item-9")
    assert served.popularity.tolist() == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0]
    item_index, features = torch.tensor([[0, 5, 8]]), torch.zeros(1, 3, 0)
    with torch.inference_mode():
        scores = served.network.sequence_scores(item_index, features)
        torch.testing.assert_close(scores[..., :9], checkpoint.network.sequence_scores(item_index, features))


def test_a_newer_catalogue_brings_new_items_and_new_texts() -> None:
    """What it does not hold stays as it was: `item-3` reads as `item-0` now, and so it scores."""
    renamed = CATALOGUE.filter(pl.col("item_id") == "item-0").with_columns(item_id=pl.lit("item-3"))
    article = renamed.with_columns(item_id=pl.lit("new"))
    served = with_cold_items(make_checkpoint(), pl.concat([renamed, article]))
    assert served.vocabulary.item_ids[9:] == ("item-10", "item-11", "item-9", "new")
    with torch.inference_mode():
        scores = served.network.sequence_scores(torch.tensor([[4]]), torch.zeros(1, 1, 0))[0, 0]
    torch.testing.assert_close(scores[[3, 12]], scores[[0, 0]])


def test_a_network_that_reads_nothing_is_served_as_it_is() -> None:
    """And has no use for another catalogue."""
    known = make_checkpoint()
    plain = Checkpoint(
        make_tiny_network(item_count=9), known.vocabulary, known.popularity, known.catalogue, known.description
    )
    assert with_cold_items(plain) is plain
    with pytest.raises(DataError, match="knows items by their ids alone"):
        with_cold_items(plain, CATALOGUE)


@pytest.mark.slow
def test_an_artifact_lists_items_that_training_never_saw(tmp_path: Path) -> None:
    """Through all three gates; its vocabulary and titles have the cold items, and a click on one moves the state."""
    save_checkpoint(tmp_path / "shop", make_checkpoint())
    now = CATALOGUE.with_columns(item_id=pl.col("item_id").str.replace("item-9", "item-new"))
    artifact = export_checkpoint(tmp_path / "shop", tmp_path / "artifact", catalogue=now)
    assert artifact.manifest.model_kind == "content_lstm"
    assert artifact.vocabulary.item_ids[9:] == ("item-10", "item-11", "item-9", "item-new")
    assert artifact.items["title"][12] == "red number 9 of all"
    runtime = ModelRuntime(artifact)
    after = runtime.step(np.array([12]), np.zeros((1, 0), np.float32), runtime.initial_state(1))
    only_cold = np.array([-np.inf] * 9 + [0] * 4, np.float32)
    top_item, top_score = runtime.rank(after, no_exclusions(1, 50), only_cold)
    assert sorted(top_item[0][np.isfinite(top_score[0])].tolist()) == [9, 10, 11, 12]


def test_a_vocabulary_of_training_items_stays_the_checkpoints() -> None:
    """The digest in the description is of the items that were trained."""
    served = with_cold_items(make_checkpoint())
    assert served.description.vocabulary_digest == ItemVocabulary(WARM.item_ids).digest
