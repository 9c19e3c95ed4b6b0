"""Trains the members of an ensemble one after the other, and weighs them.

1. Every member counts what it takes from counts, and is trained by the same settings, from weights and chance of its
   own. With a validation period each keeps the weights of its own best epoch.
2. The members' weights are fitted on the validation period, which no member learned. Without one they stay as the
   configuration has them: take those that were fitted, and train on all.
"""

import time
from dataclasses import replace

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from models.evaluation.protocol import evaluate_network
from models.networks.ensemble import EnsembleNetwork
from models.sequences.encoded_sessions import EncodedSessions
from models.training.config import TrainingConfig
from models.training.ensemble_weights import fit_weights
from models.training.epoch_report import EpochReport
from models.training.execution import Execution
from models.training.loop import train_network
from models.training.progress import TrainingProgress


def train_ensemble(
    ensemble: EnsembleNetwork,
    sessions: EncodedSessions,
    config: TrainingConfig,
    *,
    popularity: NDArray[np.int64],
    validation: EncodedSessions | None,
    exclude_last: int,
    progress: TrainingProgress,
    execution: Execution,
) -> tuple[EpochReport, ...]:
    """Train the members in place and weigh them; the arguments are those of `train_network`.

    Returns:
        One report, an epoch without a loss: the ensemble's figures on the validation period, which its weights were
        fitted on.
    """
    began = time.perf_counter()
    ensemble.fit(sessions)
    executions = [_of_member(execution, number) for number in range(len(ensemble.members))]
    for number, (member, section) in enumerate(zip(ensemble.members, ensemble.config.members, strict=True)):
        if next(member.parameters(), None) is None:
            continue
        seed = config.seed + number
        torch.manual_seed(seed)
        train_network(
            member,
            sessions,
            msgspec.structs.replace(config, network=section.network, seed=seed),
            popularity=popularity,
            validation=validation,
            exclude_last=exclude_last,
            progress=progress,
            execution=executions[number],
        )
    ensemble.eval()
    if validation is not None:
        ensemble.weigh(fit_weights(ensemble, validation))
    return (_report(ensemble, validation, exclude_last, time.perf_counter() - began),)


def _report(
    ensemble: EnsembleNetwork, validation: EncodedSessions | None, exclude_last: int, seconds: float
) -> EpochReport:
    figures = None if validation is None else evaluate_network(ensemble, validation, exclude_last=exclude_last)
    return EpochReport(epoch=1, loss=None, learning_rate=None, seconds=seconds, validation=figures)


def _of_member(execution: Execution, number: int) -> Execution:
    """Keep each member's state in a place of its own: a run that is stopped goes on with the member it was at."""
    if execution.keeping is None:
        return execution
    return replace(execution, keeping=execution.keeping.of_part(f"member-{number + 1}"))
