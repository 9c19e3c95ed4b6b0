"""The end of the training period, set aside: what early stopping, tuning and the weights of ensembles are judged by."""

from collections.abc import Sequence

import polars as pl

from models.errors import DataError
from models.preparation.prepared_data import PreparedData
from models.preparation.splitting import validation_split
from models.sequences.encoded_sessions import EncodedSessions, encode_sessions, enumerate_predictions
from models.sequences.features import Feature
from models.sequences.vocabulary import ItemVocabulary


def set_validation_aside(data: PreparedData, share: float) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Cut the training clicks into those that are learned and those that are kept out; None where `share` is 0."""
    if not share:
        return data.train, None
    description = data.description
    split = validation_split(data.train, description.session_rule, share, protocol=description.protocol)
    return split.train, split.test


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
