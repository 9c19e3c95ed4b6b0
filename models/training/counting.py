"""What stands in the place of a training loop for a network without weights: one pass over the training sessions."""

import time

import msgspec
import numpy as np

from models.errors import SettingsError
from models.evaluation.protocol import evaluate_network
from models.networks.counted_network import CountedNetwork
from models.sequences.encoded_sessions import EncodedSessions
from models.training.config import TrainingConfig
from models.training.epoch_report import EpochReport
from models.training.progress import TrainingProgress

# What a configuration may say of a network that is counted.
_COUNTED_SECTIONS = frozenset({"network", "validation", "seed"})


def count_network(
    network: CountedNetwork,
    sessions: EncodedSessions,
    config: TrainingConfig,
    *,
    validation: EncodedSessions | None = None,
    exclude_last: int = 0,
    progress: TrainingProgress,
) -> tuple[EpochReport, ...]:
    """Fit a network in place.

    Args:
        network: Without weights.
        sessions: What to count; without unknown items.
        config: The settings.
        validation: What a half life or a prior may be chosen by; None: nobody asks.
        exclude_last: The seen filter that the validation's lists pass through, see `evaluate_network`.
        progress: Who is told how it goes.

    Returns:
        One report: an epoch without a loss.

    Raises:
        SettingsError: If the configuration says how to train it.
    """
    _refuse_training_settings(config)
    clicks = int(np.maximum(sessions.lengths - 1, 0).sum())
    progress.begin(1, clicks)
    began = time.perf_counter()
    network.fit(sessions)
    report = EpochReport(epoch=1, loss=None, learning_rate=None, seconds=time.perf_counter() - began, validation=None)
    if validation is not None:
        figures = evaluate_network(network, validation, exclude_last=exclude_last)
        report = msgspec.structs.replace(report, validation=figures)
    progress.end_epoch(report)
    return (report,)


def _refuse_training_settings(config: TrainingConfig) -> None:
    untouched = TrainingConfig()
    changed = [
        name
        for name in TrainingConfig.__struct_fields__
        if name not in _COUNTED_SECTIONS and getattr(config, name) != getattr(untouched, name)
    ]
    if changed:
        raise SettingsError(
            "This kind of network is counted in one pass over the clicks and not trained: leave "
            f"{', '.join(f'`{name}`' for name in changed)} out of its configuration."
        )
