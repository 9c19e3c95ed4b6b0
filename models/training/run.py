"""From prepared data to a checkpoint.

1. Set the validation period aside; take vocabulary and feature statistics from what is left; encode the sessions.
2. Count what the network takes from counts, and train its weights.
3. Bring together what a checkpoint holds.
"""

import dataclasses

import msgspec
import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from models.evaluation.protocol import EvaluationReport, evaluate_network, evaluate_popularity
from models.items.item_contents import ContentReader, ItemContents, fit_contents, read_contents
from models.networks.content_lstm import ContentLSTMConfig
from models.networks.counted_network import CountedNetwork
from models.networks.ensemble import EnsembleNetwork
from models.networks.fitted_network import FittedNetwork
from models.networks.sequence_network import NetworkInputs, SequenceNetwork
from models.sequences.encoded_sessions import EncodedSessions
from models.sequences.features import Feature, feature_width
from models.sequences.vocabulary import ItemVocabulary
from models.training.checkpoint import Checkpoint, CheckpointDescription, library_versions
from models.training.cold_items import with_cold_items
from models.training.config import TrainingConfig
from models.training.counting import count_network
from models.training.encoded_data import Prepared, encode_for_training, encode_test
from models.training.ensemble_training import train_ensemble
from models.training.epoch_report import EpochReport
from models.training.execution import PLAIN, Execution
from models.training.loop import train_network
from models.training.progress import Silence, TrainingProgress


def train(
    data: Prepared,
    config: TrainingConfig,
    progress: TrainingProgress | None = None,
    *,
    exclude_last: int = 0,
    execution: Execution = PLAIN,
) -> Checkpoint:
    """Train a network on a data set's training clicks.

    Args:
        data: The data set; its test clicks are not looked at.
        config: The settings.
        progress: Who is told how it goes.
        exclude_last: How many of a user's last clicks may not be listed again while the network is validated.
        execution: How to carry it out.

    Returns:
        A checkpoint without metrics, see `evaluate_on_test`.

    Raises:
        TrainingError: If there is nothing to train on, or the loss is not finite.
        TrainingInterrupted: If `execution.keeping` says to stop; the state is left there.
        SettingsError: If the configuration says how to train what is only counted.
        DataError: If the data has not what a feature needs, or there is nothing to validate on.
        SettingsError: If the state that is there is another run's.
    """
    encoded = encode_for_training(data, config)
    vocabulary = encoded.vocabulary
    reader = _fit_contents(config, data.catalogue, vocabulary)
    contents = read_contents(reader, data.catalogue, vocabulary)
    network = build_network(config, len(vocabulary), encoded.features, contents).to(execution.device)
    popularity = encoded.popularity
    history = _learn(
        network,
        encoded.sessions,
        config,
        popularity,
        validation=encoded.validation,
        exclude_last=exclude_last,
        progress=progress or Silence(),
        execution=execution,
    )
    return Checkpoint(
        network=network.eval(),
        vocabulary=vocabulary,
        popularity=popularity,
        catalogue=data.catalogue,
        description=CheckpointDescription(
            # An ensemble's weights are fitted.
            network=network.config if isinstance(network, EnsembleNetwork) else config.network,
            features=encoded.features,
            session_rule=data.description.session_rule,
            exclude_seen=data.description.exclude_seen,
            training_data=encoded.training_data,
            config=config,
            history=history,
            metrics={},
            vocabulary_digest=vocabulary.digest,
            libraries=library_versions(),
            contents=reader,
        ),
    )


def _learn(
    network: SequenceNetwork,
    sessions: EncodedSessions,
    config: TrainingConfig,
    popularity: NDArray[np.int64],
    *,
    validation: EncodedSessions | None,
    exclude_last: int,
    progress: TrainingProgress,
    execution: Execution,
) -> tuple[EpochReport, ...]:
    """Count and train, whichever the network is made for."""
    if isinstance(network, CountedNetwork):
        return count_network(
            network,
            sessions,
            config,
            validation=validation,
            exclude_last=exclude_last,
            progress=progress,
        )
    if isinstance(network, EnsembleNetwork):
        return train_ensemble(
            network,
            sessions,
            config,
            popularity=popularity,
            validation=validation,
            exclude_last=exclude_last,
            progress=progress,
            execution=execution,
        )
    if isinstance(network, FittedNetwork):
        network.fit(sessions)
    return train_network(
        network,
        sessions,
        config,
        popularity=popularity,
        validation=validation,
        exclude_last=exclude_last,
        progress=progress,
        execution=execution,
    )


class Comparison(msgspec.Struct, frozen=True):
    """The network and its baseline on the same test clicks."""

    network: EvaluationReport
    popularity: EvaluationReport


def evaluate_on_test(checkpoint: Checkpoint, data: Prepared, *, exclude_last: int = 0) -> tuple[Checkpoint, Comparison]:
    """Evaluate a network on the test clicks, every session from an empty state.

    Args:
        checkpoint: What was trained. It is evaluated as it is served, cold items included, see `with_cold_items`.
        data: The data it was trained on.
        exclude_last: How many of a user's last clicks may not be listed again; 0 lists them all.

    Returns:
        The checkpoint with the network's metrics, and the figures.

    Raises:
        DataError: If no test session has two clicks.
    """
    served = with_cold_items(checkpoint)
    features = checkpoint.description.features
    test = encode_test(data, served.vocabulary, features)
    figures = Comparison(
        network=evaluate_network(served.network, test, exclude_last=exclude_last),
        popularity=evaluate_popularity(
            served.popularity, test, exclude_last=exclude_last, clicks_ahead=served.network.clicks_ahead
        ),
    )
    description = msgspec.structs.replace(checkpoint.description, metrics=figures.network.metrics)
    return dataclasses.replace(checkpoint, description=description), figures


def build_network(
    config: TrainingConfig, item_count: int, features: tuple[Feature, ...], contents: ItemContents | None = None
) -> SequenceNetwork:
    """Return a network with the first weights that `config.seed` gives."""
    torch.manual_seed(config.seed)
    return config.network.build(NetworkInputs(item_count, feature_width(features), contents))


def _fit_contents(
    config: TrainingConfig, catalogue: pl.DataFrame | None, vocabulary: ItemVocabulary
) -> ContentReader | None:
    if not isinstance(config.network, ContentLSTMConfig):
        return None
    return fit_contents(config.network.content, catalogue, vocabulary)
