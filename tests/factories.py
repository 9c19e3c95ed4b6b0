"""Small real things for tests, with keyword defaults: name what a test is about, leave out the rest."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl
import torch
from torch import Tensor, nn

from export.artifact import Artifact, StateDtype, TrainingData
from export.exporter import TrainedModel, export_model
from models.features import Feature, feature_width
from models.session_rule import SessionRule
from models.vocabulary import ItemId, ItemVocabulary

TINY_ITEM_IDS = tuple(f"item-{number:02}" for number in range(30))


class TinyLSTM(nn.Module):
    """An untrained LSTM behind the exporter's Protocol: V items, hidden size H, one layer, tied output."""

    def __init__(self, *, item_count: int, feature_width: int = 0, hidden_size: int = 8, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.embedding = nn.Embedding(item_count, hidden_size)
            self.lstm = nn.LSTM(hidden_size + feature_width, hidden_size, batch_first=True)
        self.feature_width = feature_width
        self.eval().requires_grad_(requires_grad=False)

    @property
    def state_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """`hidden` and `cell`, (L, H)."""
        return {"hidden": (1, self.lstm.hidden_size), "cell": (1, self.lstm.hidden_size)}

    def step(self, item_index: Tensor, features: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Advance B users by one click."""
        hidden, cell = (tensor.transpose(0, 1).contiguous() for tensor in state)
        clicks = torch.cat([self.embedding(item_index), features], dim=1).unsqueeze(1)
        _, (hidden, cell) = self.lstm(clicks, (hidden, cell))
        return hidden.transpose(0, 1), cell.transpose(0, 1)

    def scores(self, state: tuple[Tensor, ...]) -> Tensor:
        """Score the catalogue, (B, V)."""
        return nn.functional.linear(state[0][:, -1], self.embedding.weight)

    def sequence_scores(self, item_index: Tensor, features: Tensor) -> Tensor:
        """Score the catalogue after each click, (B, T, V)."""
        outputs, _ = self.lstm(torch.cat([self.embedding(item_index), features], dim=2))
        return nn.functional.linear(outputs, self.embedding.weight)


def make_tiny_model(
    *,
    item_ids: Sequence[str] = TINY_ITEM_IDS,
    seed: int = 0,
    features: tuple[Feature, ...] = (),
    exclude_seen: bool = False,
    session_rule: SessionRule | None = None,
) -> TrainedModel:
    """Make an untrained model of a few items; `item-00` is the most popular, its title `Title of item-00`."""
    return TrainedModel(
        kind="lstm",
        network=TinyLSTM(item_count=len(item_ids), feature_width=feature_width(features), seed=seed),
        vocabulary=ItemVocabulary([ItemId(item_id) for item_id in item_ids]),
        popularity=[10 * (len(item_ids) - row) for row in range(len(item_ids))],
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
) -> Artifact:
    """Export an untrained model for real, all gates included, into `folder`; about a second."""
    model = make_tiny_model(
        item_ids=item_ids, seed=seed, features=features, exclude_seen=exclude_seen, session_rule=session_rule
    )
    return export_model(model, folder, list_length=list_length, ring_length=ring_length, state_dtype=state_dtype)
