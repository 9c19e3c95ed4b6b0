"""Small real things for tests, with keyword defaults: name what a test is about, leave out the rest."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from torch.onnx._internal.exporter import _registration

from export.artifact import Artifact, StateDtype
from export.exporter import TrainedModel, export_model
from export.ranking_choice import RankingMethod
from export.recurrent_network import RecurrentNetwork
from models.counts.recipe import CountsRecipe
from models.networks.lstm import LSTMConfig, LSTMNetwork
from models.networks.sequence_network import NetworkInputs
from models.preparation.prepared_data import CLICK_SCHEMA
from models.sequences.features import Feature, feature_width
from models.sequences.vocabulary import ItemId, ItemVocabulary
from models.session_rule import SessionRule
from models.training.training_data import TrainingData

# The exporter looks a thousand operators up anew for every graph: a third of the time of a small one's export.
_operators: Any = _registration.onnxscript_apis  # type: ignore[attr-defined]  # imported lazily
_operators.get_torchlib_ops = cache(_operators.get_torchlib_ops)

TINY_ITEM_IDS = tuple(f"item-{number:02}" for number in range(30))


def make_tiny_network(
    *, item_count: int = 30, hidden_size: int = 8, layers: int = 1, feature_width: int = 0, seed: int = 0
) -> LSTMNetwork:
    """Make an untrained LSTM."""
    config = LSTMConfig(
        embedding_size=hidden_size, hidden_size=hidden_size, layers=layers, embedding_dropout=0.0, output_dropout=0.0
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return LSTMNetwork(config, NetworkInputs(item_count, feature_width)).eval()


def make_tiny_model(
    *,
    item_ids: Sequence[str] = TINY_ITEM_IDS,
    seed: int = 0,
    network: RecurrentNetwork | None = None,
    kind: str = "lstm",
    features: tuple[Feature, ...] = (),
    exclude_seen: bool = False,
    session_rule: SessionRule | None = None,
) -> TrainedModel:
    """Make an untrained model of a few items; `item-00` is the most popular, its title `Title of item-00`."""
    return TrainedModel(
        kind=kind,
        network=make_tiny_network(item_count=len(item_ids), feature_width=feature_width(features), seed=seed)
        if network is None
        else network,
        vocabulary=ItemVocabulary([ItemId(item_id) for item_id in item_ids]),
        popularity=np.arange(len(item_ids), 0, -1) * 10,
        catalogue=pl.DataFrame(
            {
                "item_id": item_ids,
                "title": [f"Title of {item_id}" for item_id in item_ids],
                "category": ["even" if row % 2 == 0 else "odd" for row in range(len(item_ids))],
            }
        ),
        features=features,
        session_rule=SessionRule() if session_rule is None else session_rule,
        exclude_seen=exclude_seen,
        training_data=TrainingData(
            dataset="tiny", clicks=1_000, sessions=100, first_timestamp_ms=0, last_timestamp_ms=86_400_000
        ),
        metrics={"Recall@20": 0.5},
    )


def make_tiny_artifact(
    folder: Path,
    *,
    item_ids: Sequence[str] = TINY_ITEM_IDS,
    seed: int = 0,
    features: tuple[Feature, ...] = (),
    exclude_seen: bool = False,
    session_rule: SessionRule | None = None,
    state_dtype: StateDtype = "float16",
    list_length: int = 10,
    ring_length: int = 5,
    ranking: RankingMethod = "auto",
    counts: CountsRecipe | None = None,
) -> Artifact:
    """Export an untrained model for real, all gates included, into `folder`; two to three seconds."""
    model = make_tiny_model(
        item_ids=item_ids, seed=seed, features=features, exclude_seen=exclude_seen, session_rule=session_rule
    )
    return export_model(
        model,
        folder,
        list_length=list_length,
        ring_length=ring_length,
        state_dtype=state_dtype,
        ranking=ranking,
        counts=counts,
    )


def make_click_table(rows: Sequence[tuple[object, ...]]) -> pl.DataFrame:
    """Make a click table of (user_id, item_id, timestamp_ms, session_id, event_type), shorter rows filled up.

    Without a time a click comes a second after the row before it; without a session a user has one, of his name.
    """
    return pl.DataFrame(
        [
            {
                "user_id": row[0],
                "item_id": row[1],
                "timestamp_ms": row[2] if len(row) > 2 else 1_000 * number,
                "session_id": row[3] if len(row) > 3 else row[0],
                "event_type": row[4] if len(row) > 4 else None,
            }
            for number, row in enumerate(rows)
        ],
        schema=CLICK_SCHEMA,
    )
