"""What a training run makes of prepared clicks before there is a network: the same from memory and from disk.

1. Set the validation period aside, the end of the training period.
2. Take vocabulary and feature statistics from what is left.
3. Encode the sessions of both.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.errors import DataError, TrainingError
from models.preparation.click_counts import count_clicks
from models.preparation.click_parts import (
    IS_TEST,
    ClickParts,
    ClicksInMemory,
    Part,
    among,
    count_by,
    working_columns,
)
from models.preparation.prepared_data import CLICK_SCHEMA, PreparedData
from models.preparation.prepared_on_disk import PreparedOnDisk
from models.sequences.encoded_sessions import EncodedSessions, encode_sessions
from models.sequences.feature_fitting import fit_features
from models.sequences.features import Feature
from models.sequences.sessions_on_disk import encode_sessions_on_disk
from models.sequences.vocabulary import ItemVocabulary
from models.training.config import TrainingConfig
from models.training.training_data import TrainingData
from models.training.validation_period import set_validation_aside

# Tables in memory, or files that are gone through in parts.
Prepared = PreparedData | PreparedOnDisk


@dataclass(frozen=True)
class EncodedData:
    """What is learned and what validates.

    Attributes:
        vocabulary: The items that are learned.
        features: Those that the configuration asks for, with the statistics of what is learned.
        sessions: What is learned.
        validation: What was set aside; None: nothing.
        training_data: What is learned, for people.
    """

    vocabulary: ItemVocabulary
    features: tuple[Feature, ...]
    sessions: EncodedSessions
    validation: EncodedSessions | None
    training_data: TrainingData

    @property
    def popularity(self) -> NDArray[np.int64]:
        """Training clicks of every item, (V,)."""
        counts = np.zeros(len(self.vocabulary), dtype=np.int64)
        for piece in self.sessions.pieces():
            counts += np.bincount(piece.item_index, minlength=len(counts))
        return counts


def encode_for_training(data: Prepared, config: TrainingConfig) -> EncodedData:
    """Take the three steps.

    Args:
        data: Prepared data; its test clicks are not looked at.
        config: The settings.

    Raises:
        TrainingError: If nothing is left to learn.
        DataError: If the data has not what a feature needs, or there is nothing to validate on.
    """
    with training_clicks(data) as prepared:
        clicks = set_validation_aside(prepared, data.description, config.validation)
        items = count_by(clicks, "item_id", "train")["item_id"]
        if items.is_empty():
            raise TrainingError(
                f"There is nothing to train on: no click of {data.description.name} is left before the validation "
                "period."
            )
        vocabulary = ItemVocabulary(items.sort().to_list())
        features = fit_features(clicks, config.features, "train")
        sessions = _encode(data, "training", clicks, "train", vocabulary=vocabulary, features=features)
        validation = encode_validation(data, clicks, vocabulary, features) if config.validation.share else None
        learned = count_clicks(clicks, "train")
    training_data = TrainingData(
        dataset=data.description.name,
        clicks=learned.clicks,
        sessions=len(sessions),
        first_timestamp_ms=learned.first_timestamp_ms,
        last_timestamp_ms=learned.last_timestamp_ms,
    )
    return EncodedData(vocabulary, features, sessions, validation, training_data)


def training_clicks(data: Prepared) -> AbstractContextManager[ClickParts]:
    """Give the training clicks, `WORKING_SCHEMA`, for as long as the block lasts; none of them is set aside."""
    if isinstance(data, PreparedOnDisk):
        return data.dealt_training_clicks()
    learned = working_columns(data.train, first_row=0).with_columns(pl.lit(value=False).alias(IS_TEST))
    return nullcontext(ClicksInMemory(learned))


def encode_validation(
    data: Prepared, clicks: ClickParts, vocabulary: ItemVocabulary, features: Sequence[Feature]
) -> EncodedSessions:
    """Encode what was set aside, its sessions with their history where the data's protocol asks for it.

    Args:
        data: The prepared data.
        clicks: Its training clicks after `set_validation_aside`.
        vocabulary: The items and their rows.
        features: The model's features, in the order of their columns.

    Raises:
        DataError: If there is nothing to predict.
    """
    if not count_by(clicks, "item_id", "test").is_empty():
        validation = _encode(
            data,
            "validation",
            clicks,
            "test",
            vocabulary=vocabulary,
            features=features,
            with_history=data.test_has_history,
        )
        if validation.prediction_count:
            return validation
    # Said now and not after the first epoch.
    raise DataError(
        "No session of the validation period has two clicks: raise `share` under [validation], or set it to 0."
    )


def encode_test(data: Prepared, vocabulary: ItemVocabulary, features: Sequence[Feature]) -> EncodedSessions:
    """Encode the test clicks, their sessions with the history that the data's protocol gives them."""
    if isinstance(data, PreparedData):
        return encode_sessions(data.test, vocabulary, features, history=data.test_history)
    with data.dealt_test_clicks() as clicks:
        return _encode(
            data,
            "test",
            clicks,
            "test",
            vocabulary=vocabulary,
            features=features,
            with_history=data.test_has_history,
        )


def _encode(
    data: Prepared,
    name: str,
    clicks: ClickParts,
    part: Part,
    *,
    vocabulary: ItemVocabulary,
    features: Sequence[Feature],
    with_history: bool = False,
) -> EncodedSessions:
    """Encode some of the data's clicks in memory, or to a folder of that name."""
    if isinstance(data, PreparedOnDisk):
        folder = data.working / name
        return encode_sessions_on_disk(
            clicks, part, vocabulary, features, folder, with_history=with_history, clicks_at_once=data.clicks_at_once
        )
    (table,) = clicks
    sides = [table.filter(side).select(CLICK_SCHEMA.names()) for side in (among(part), ~among(part))]
    return encode_sessions(sides[0], vocabulary, features, history=sides[1] if with_history else None)
