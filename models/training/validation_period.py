"""The end of the training period, set aside: what early stopping, tuning and the weights of ensembles are judged by."""

from collections.abc import Sequence

import polars as pl

from models.errors import DataError
from models.preparation.prepared_data import PreparedData
from models.preparation.splitting import Split, validation_split
from models.sequences.encoded_sessions import EncodedSessions, encode_sessions, enumerate_predictions
from models.sequences.features import Feature
from models.sequences.vocabulary import ItemVocabulary
from models.training.config import ValidationSection


def set_validation_aside(data: PreparedData, section: ValidationSection) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Cut the training clicks into those that are learned and those that are kept out; None where `share` is 0."""
    if not section.share:
        return data.train, None
    split = split_validation_off(data, section)
    return split.train, split.test


def split_validation_off(data: PreparedData, section: ValidationSection, *, keep_unknown_items: bool = False) -> Split:
    """Split the training clicks as `[validation]` says, its `share` above 0; see `validation_split`."""
    return validation_split(
        data.train,
        data.description.session_rule,
        section.share,
        protocol=data.description.protocol,
        crossing=section.crossing_sessions,
        min_item_clicks=section.min_item_clicks,
        keep_unknown_items=keep_unknown_items,
    )


def encode_validation(
    data: PreparedData,
    learned: pl.DataFrame,
    validated: pl.DataFrame,
    vocabulary: ItemVocabulary,
    features: Sequence[Feature],
) -> EncodedSessions:
    """Encode what was kept out, its sessions with their history where the data's protocol asks for it.

    Raises:
        DataError: If there is nothing to predict.
    """
    history = None if data.test_history is None else learned
    validation = encode_sessions(validated, vocabulary, features, history=history)
    # Said now and not after the first epoch.
    if not len(enumerate_predictions(validation)):
        raise DataError(
            "No session of the validation period has two clicks: raise `share` under [validation], or set it to 0."
        )
    return validation
