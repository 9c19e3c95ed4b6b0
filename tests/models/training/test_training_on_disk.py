from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest
import torch
from torch import Tensor

from models.errors import DataError
from models.networks.ensemble import EnsembleConfig, MemberSection
from models.networks.fitted_network import FittedNetwork
from models.networks.item_knn import ItemKNNConfig
from models.networks.kinds import NetworkConfig
from models.networks.lstm import LSTMConfig
from models.networks.markov import MarkovConfig
from models.networks.recency import RecencyConfig
from models.networks.sequence_network import NetworkInputs
from models.networks.transition_offset import TransitionOffsetConfig
from models.preparation.click_generator import GeneratorConfig, generate_clicks
from models.preparation.cuts import CutAtShare
from models.preparation.prepared_data import CLICK_SCHEMA, Description, EvaluationProtocol, PreparedData
from models.preparation.prepared_on_disk import PreparedOnDisk, open_prepared_data
from models.preparation.sessions import assign_sessions
from models.preparation.splitting import leave_last_out, split_by_time
from models.sequences import encoded_sessions
from models.session_rule import SessionRule
from models.training import ensemble_weights
from models.training.augmentation import Augmentation, Crop, Mask, Reorder
from models.training.checkpoint import Checkpoint
from models.training.config import BatchSection, TrainingConfig, ValidationSection
from models.training.encoded_data import encode_for_training
from models.training.losses import CrossEntropy, SampledSoftmax
from models.training.run import evaluate_on_test, train
from models.training.state import digest_of

GAP = SessionRule(by_id=False, gap_ms=60_000)
NEVER = SessionRule(by_id=False)
SMALL = LSTMConfig(embedding_size=6, hidden_size=8)
VALIDATION = ValidationSection(share=0.2, min_item_clicks=2)


def make_data(rule: SessionRule) -> PreparedData:
    """A thousand and a half generated clicks, split by time, or where sessions never end by their last clicks."""
    (generated,) = generate_clicks(GeneratorConfig(clicks=1_500, users=40, items=30, days=0.05))
    number = pl.int_range(pl.len())
    table = generated.select(
        *("user_id", pl.lit(None, pl.String).alias("session_id"), "item_id", "timestamp_ms"),
        event_type=pl.when(number % 3 == 0).then(pl.lit("buy")).when(number % 3 == 1).then(pl.lit("view")),
        value=pl.when(number % 2 == 0).then(number.cast(pl.Float64) / 7),
    )
    clicks = assign_sessions(table.cast(CLICK_SCHEMA), rule)
    ends = rule.gap_ms is not None
    split = split_by_time(clicks, CutAtShare(0.8), rule) if ends else leave_last_out(clicks)
    protocol: EvaluationProtocol = "session-clicks" if ends else "last-click"
    description = Description("made", rule, "a split", exclude_seen=False, cleaning=(), protocol=protocol)
    return PreparedData(description, split.train, split.test, None)


def make_config(network: NetworkConfig = SMALL, *, order: str = "time") -> TrainingConfig:
    """Two epochs with all features, dropout, drawn negatives and a validation period."""
    return TrainingConfig(
        network=network,
        features=("time_gap", "event_type", "value"),
        loss=SampledSoftmax(negatives=8),
        batches=msgspec.convert({"order": order, "lanes": 4, "window": 5}, BatchSection),
        validation=VALIDATION,
        epochs=2,
    )


def on_disk(data: PreparedData, folder: Path) -> PreparedOnDisk:
    """The same data, a few hundred clicks at once."""
    data.save(folder / "prepared")
    (folder / "working").mkdir()
    return open_prepared_data(folder / "prepared", folder / "working", clicks_at_once=200)


def weights(checkpoint: Checkpoint) -> Mapping[str, Tensor]:
    return checkpoint.network.state_dict()


@pytest.fixture
def many_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions are gone through in ten pieces."""
    monkeypatch.setattr(encoded_sessions.EncodedSessions.pieces, "__defaults__", (150,))


@pytest.mark.slow
@pytest.mark.parametrize(("rule", "order"), [(GAP, "time"), (GAP, "shuffled"), (NEVER, "time")])
@pytest.mark.usefixtures("many_pieces")
def test_weights_and_figures_from_disk_are_those_from_memory(tmp_path: Path, rule: SessionRule, order: str) -> None:
    """To the bit: vocabulary, features, every epoch's loss and validation, weights, and the test; in many pieces."""
    require_the_same_from_disk(tmp_path, make_data(rule), make_config(order=order))


def require_the_same_from_disk(folder: Path, data: PreparedData, config: TrainingConfig) -> Checkpoint:
    """Train and evaluate in memory and on disk, and compare whatever came of it."""
    in_memory, expected = evaluate_on_test(train(data, config, exclude_last=2), data, exclude_last=2)
    prepared = on_disk(data, folder)
    checkpoint, figures = evaluate_on_test(train(prepared, config, exclude_last=2), prepared, exclude_last=2)
    assert figures == expected
    assert figures.network.predictions > 30
    assert without_seconds(checkpoint) == without_seconds(in_memory)
    assert checkpoint.vocabulary.item_ids == in_memory.vocabulary.item_ids
    assert np.array_equal(checkpoint.popularity, in_memory.popularity)
    for name, tensor in weights(in_memory).items():
        assert torch.equal(weights(checkpoint)[name], tensor), name
    assert not list((folder / "working").glob("clicks-*"))
    return checkpoint


def without_seconds(checkpoint: Checkpoint) -> object:
    description = checkpoint.description
    history = tuple(msgspec.structs.replace(report, seconds=0.0) for report in description.history)
    return msgspec.structs.replace(description, history=history)


def test_a_run_may_go_on_from_disk_where_it_was_in_memory(tmp_path: Path) -> None:
    """What is learned and validated on has the same digest, by which an interrupted run is known."""
    data, config = make_data(GAP), make_config()
    digests = set()
    for prepared in (data, on_disk(data, tmp_path)):
        encoded = encode_for_training(prepared, config)
        digests.add(digest_of(encoded.sessions, encoded.validation))
    assert len(digests) == 1


HALF_AN_HOUR = 0.5
COUNTED: list[NetworkConfig] = [
    RecencyConfig(half_life_hours=HALF_AN_HOUR),
    MarkovConfig(half_life_hours=HALF_AN_HOUR, popularity_half_life_hours=HALF_AN_HOUR),
    ItemKNNConfig(half_life_hours=HALF_AN_HOUR),
    ItemKNNConfig(half_life_hours=HALF_AN_HOUR, reach=3, backward_weight=0.3),
]


@pytest.mark.parametrize("network", COUNTED, ids=lambda network: type(network).__name__)
@pytest.mark.usefixtures("many_pieces")
def test_counts_and_figures_from_disk_are_those_from_memory(tmp_path: Path, network: NetworkConfig) -> None:
    """To the bit, with decay in a log of 72 minutes."""
    assert isinstance(network.build(NetworkInputs(3)), FittedNetwork)
    require_the_same_from_disk(tmp_path, make_data(GAP), TrainingConfig(network=network, validation=VALIDATION))


@pytest.mark.usefixtures("many_pieces")
def test_an_offset_counted_from_disk_is_that_from_memory(tmp_path: Path) -> None:
    """Counts, and the weights that are trained on top of them."""
    network = TransitionOffsetConfig(base=SMALL, half_life_hours=HALF_AN_HOUR)
    config = msgspec.structs.replace(make_config(network), loss=CrossEntropy(), epochs=1)
    require_the_same_from_disk(tmp_path, make_data(GAP), config)


@pytest.mark.usefixtures("many_pieces")
def test_an_ensemble_from_disk_is_that_from_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Members, and their weights by every third click of a validation period of several pieces."""
    network = EnsembleConfig((MemberSection(SMALL), MemberSection(MarkovConfig(half_life_hours=HALF_AN_HOUR))))
    config = msgspec.structs.replace(make_config(network), epochs=1)
    monkeypatch.setattr(ensemble_weights, "SCORES_AT_ONCE", 2 * 30 * 50)
    checkpoint = require_the_same_from_disk(tmp_path, make_data(GAP), config)
    fitted = checkpoint.description.network
    assert isinstance(fitted, EnsembleConfig)
    assert 1.0 not in [member.weight for member in fitted.members]


@pytest.mark.usefixtures("many_pieces")
def test_augmented_sessions_from_disk_are_those_of_memory(tmp_path: Path) -> None:
    """What was changed in each epoch, and the weights that follow; the changed sessions are gone afterwards."""
    augmentation = Augmentation(crop=Crop(), mask=Mask(), reorder=Reorder())
    config = msgspec.structs.replace(make_config(order="shuffled"), features=("value",), augmentation=augmentation)
    checkpoint = require_the_same_from_disk(tmp_path, make_data(GAP), config)
    first, second = (report.augmentation for report in checkpoint.description.history)
    assert first is not None
    assert first.clicks_masked > 20
    assert first != second
    assert not list((tmp_path / "working" / "training").glob(".changed-*"))


def test_nothing_to_validate_on_is_said_as_from_memory(tmp_path: Path) -> None:
    """The period holds one click, on an item that nobody clicked before."""
    data = make_data(GAP)
    last = pl.int_range(pl.len()) == pl.len() - 1
    strange = data.train.with_columns(
        *(pl.when(last).then(pl.lit("new")).otherwise(name).alias(name) for name in ("user_id", "item_id")),
        timestamp_ms=pl.when(last).then(pl.col("timestamp_ms") + 10**9).otherwise("timestamp_ms"),
        session_id=pl.when(last).then(pl.lit("new:0")).otherwise("session_id"),
    )
    config = msgspec.structs.replace(make_config(), validation=ValidationSection(share=0.001))
    for prepared in (replace(data, train=strange), on_disk(replace(data, train=strange), tmp_path)):
        with pytest.raises(DataError, match="No session of the validation period has two clicks"):
            train(prepared, config)
