"""The training loop: epochs of batches, validated, stopped early, kept so that an interrupted run goes on."""

import math
import time
from collections.abc import Iterator
from itertools import islice

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from models.errors import TrainingError, TrainingInterrupted
from models.evaluation.protocol import evaluate_network
from models.networks.sequence_network import SequenceNetwork
from models.sequences.encoded_sessions import EncodedSessions
from models.training.augmentation import Augmentation, AugmentationReport, augment
from models.training.batches import LaneBatch, iterate_lane_batches
from models.training.config import TrainingConfig
from models.training.early_stopping import EarlyStopping
from models.training.epoch_report import EpochReport
from models.training.execution import PLAIN, Execution
from models.training.learner import Learner, named
from models.training.processes import Processes
from models.training.progress import Silence, TrainingProgress
from models.training.random_states import random_states, restore_random_states, separate_random_numbers
from models.training.run_keeping import KeepingClock, RunKeeping
from models.training.state import (
    Position,
    RunIdentity,
    TrainingState,
    digest_of,
    load_training_state,
    save_training_state,
)


def train_network(
    network: SequenceNetwork,
    sessions: EncodedSessions,
    config: TrainingConfig,
    *,
    popularity: NDArray[np.int64],
    validation: EncodedSessions | None = None,
    exclude_last: int = 0,
    progress: TrainingProgress | None = None,
    execution: Execution = PLAIN,
) -> tuple[EpochReport, ...]:
    """Train a network in place; with a validation period it ends with the weights of its best epoch.

    Deterministic under `config.seed`, with the same number of torch threads on the same kind of machine; also where it
    is interrupted and goes on.

    Args:
        network: Built after `torch.manual_seed(config.seed)`, where its weights are to be repeatable.
        sessions: What to learn; without unknown items.
        config: The settings.
        popularity: Training clicks of every item, (V,): negatives are drawn by it.
        validation: What early stopping is judged by; None trains for all epochs.
        exclude_last: The seen filter that the validation's lists pass through, see `evaluate_network`.
        progress: Who is told how it goes.
        execution: How to carry it out; the network is on the device already.

    Returns:
        One report an epoch.

    Raises:
        TrainingError: If no session has two clicks, or the loss is not finite.
        TrainingInterrupted: If `execution.keeping` says to stop; the state is left there.
        SettingsError: If the state that is there is another run's, or there are more processes than lanes.
    """
    clicks = int(np.maximum(sessions.lengths - 1, 0).sum())
    if not clicks:
        raise TrainingError(
            "There is nothing to train on: no session has two clicks. Use more data, or clean it less strictly."
        )
    processes = execution.processes
    processes.require_lanes(config.batches.lanes)
    separate_random_numbers(config.seed, processes)
    learner = Learner(network, config, popularity, processes)
    training = _Training(learner, sessions, config, progress or Silence(), processes)
    training.progress.begin(config.epochs, clicks)
    if execution.keeping is not None:
        data = digest_of(sessions, validation, contents=network.inputs.contents)
        identity = RunIdentity(config, data, exclude_last, processes.count, network.device.type)
        training.keep(execution.keeping, identity)
    while training.goes_on:
        report = training.run_epoch()
        if validation is not None:
            figures = evaluate_network(network, validation, exclude_last=exclude_last) if processes.is_first else None
            report = msgspec.structs.replace(report, validation=processes.told_by_first(figures))
        training.end_epoch(report)
    training.stopping.restore(network)
    return tuple(training.history)


class _Training:
    """A run that is under way.

    Args:
        learner: What learns.
        sessions: What is learned.
        config: The settings.
        progress: Who is told.
        processes: Who learns with this process.
    """

    def __init__(
        self,
        learner: Learner,
        sessions: EncodedSessions,
        config: TrainingConfig,
        progress: TrainingProgress,
        processes: Processes,
    ) -> None:
        self._learner = learner
        self._sessions = sessions
        self._config = config
        self._processes = processes
        self.progress = progress
        self.stopping = EarlyStopping(config.validation)
        self.history: list[EpochReport] = []
        self._position = Position()
        self._keeper: _Keeper | None = None

    @property
    def goes_on(self) -> bool:
        """Tell whether there is another epoch to run."""
        return self._position.epoch <= self._config.epochs and not self.stopping.is_over

    def keep(self, keeping: RunKeeping, identity: RunIdentity) -> None:
        """Keep states from now on, and go on from the one that is there."""
        self._keeper = _Keeper(keeping, identity, self._processes)
        state = load_training_state(keeping.file, identity)
        if state is None:
            return
        self._position, self.history = state.position, list(state.history)
        if not self._processes.is_first:
            # It is the sum over all processes, and is summed over them again at the end of the epoch.
            self._position = msgspec.structs.replace(self._position, loss_sum=0.0)
        self.stopping.resume(state.stopping, named(state.tensors, "best/"))
        self._learner.resume(state.tensors, state.position.learning_rate)
        own = named(state.tensors, f"random/{self._processes.rank}/")
        restore_random_states(own, self._learner.network.device)
        self.progress.resume(state.position.epoch, state.position.clicks)

    def run_epoch(self) -> EpochReport:
        """Learn every click once, or what is left of an epoch that was interrupted."""
        began = time.perf_counter() - self._position.seconds
        if not self._position.batches:
            self._learner.begin_epoch()
        epoch = _Epoch(self._sessions, self._config, self._position.epoch)
        for batch in islice(epoch.batches(), self._position.batches, None):
            clicks = int(batch.is_click.sum())
            own = self._processes.own_lanes(batch)
            summed = self._learner.loss_of(own)
            loss = self._finite(summed)
            done = self._position.clicks + clicks
            self._learner.update(summed, self._position.epoch - 1 + done / epoch.clicks)
            self._position = Position(
                epoch=self._position.epoch,
                batches=self._position.batches + 1,
                clicks=done,
                loss_sum=self._position.loss_sum + loss,
                learning_rate=self._learner.learning_rate,
                seconds=time.perf_counter() - began,
            )
            self.progress.advance(clicks, loss / max(int(own.is_click.sum()), 1))
            self._keep_if_due()
        return EpochReport(
            epoch=self._position.epoch,
            loss=self._processes.sum_of(self._position.loss_sum) / self._position.clicks,
            learning_rate=self._learner.learning_rate,
            seconds=self._position.seconds,
            validation=None,
            augmentation=epoch.augmentation,
        )

    def end_epoch(self, report: EpochReport) -> None:
        """Judge the epoch, and go on to the next one."""
        self.stopping.observe(report, self._learner.network)
        self.history.append(report)
        self._position = Position(epoch=report.epoch + 1, learning_rate=self._learner.learning_rate)
        self.progress.end_epoch(report)
        if self._keeper is not None:
            self._keep(self._keeper, stop=self._keeper.should_stop)

    def _keep_if_due(self) -> None:
        keeper = self._keeper
        if keeper is None or not self._processes.asks_after(self._position.batches):
            return
        stop = keeper.should_stop
        if stop or keeper.is_due:
            self._keep(keeper, stop=stop)

    def _keep(self, keeper: "_Keeper", *, stop: bool) -> None:
        keeper.keep(self._state(keeper.identity))
        if stop:
            raise TrainingInterrupted(
                f"Stopped in epoch {self._position.epoch}, after {self._position.clicks:,} of its clicks. The state is "
                f"kept in {keeper.file}: the same command goes on from there."
            )

    def _state(self, identity: RunIdentity) -> TrainingState:
        """Return the state of all processes together; each must come here."""
        random = self._processes.tensors_of_all(random_states(self._learner.network.device))
        tensors = {
            **self._learner.tensors(),
            **{f"best/{name}": tensor for name, tensor in self.stopping.best_weights.items()},
            **{f"random/{name}": tensor for name, tensor in random.items()},
        }
        loss_sum = self._processes.sum_of(self._position.loss_sum)
        position = msgspec.structs.replace(self._position, loss_sum=loss_sum)
        return TrainingState(identity, position, tuple(self.history), self.stopping.state, tensors)

    def _finite(self, summed: torch.Tensor) -> float:
        loss = summed.item()
        if math.isfinite(loss):
            return loss
        raise TrainingError(
            f"The loss is {loss} in epoch {self._position.epoch}, batch {self._position.batches + 1}, at learning rate "
            f"{self._learner.learning_rate:.3g}: lower `learning_rate` under [optimiser], add `warmup_epochs` under "
            "[schedule], or set `gradient_clip_norm`."
        )


class _Epoch:
    """What one epoch learns, a function of the seed and the epoch's number.

    Attributes:
        augmentation: What was changed of the sessions; None where nothing is.
        clicks: How many are learned.
    """

    def __init__(self, sessions: EncodedSessions, config: TrainingConfig, number: int) -> None:
        generator = np.random.default_rng((config.seed, number))
        self.augmentation: AugmentationReport | None = None
        if config.augmentation != Augmentation():
            sessions, self.augmentation = augment(sessions, config.augmentation, generator)
        shuffled = config.batches.order == "shuffled"
        self._order = generator.permutation(len(sessions)) if shuffled else np.arange(len(sessions))
        self._sessions = sessions
        self._config = config.batches
        self.clicks = int(np.maximum(sessions.lengths - 1, 0).sum())

    def batches(self) -> Iterator[LaneBatch]:
        """Deal the sessions to the lanes."""
        return iterate_lane_batches(self._sessions, self._order, lanes=self._config.lanes, window=self._config.window)


class _Keeper:
    """Keeps the states of one run; the first process writes them."""

    def __init__(self, keeping: RunKeeping, identity: RunIdentity, processes: Processes) -> None:
        self.file = keeping.file
        self.identity = identity
        self._keeping = keeping
        self._processes = processes
        self._clock = KeepingClock(keeping.every_s)

    @property
    def is_due(self) -> bool:
        return self._processes.any_says(self._clock.is_due)

    @property
    def should_stop(self) -> bool:
        return self._processes.any_says(self._keeping.should_stop())

    def keep(self, state: TrainingState) -> None:
        if self._processes.is_first:
            save_training_state(self.file, state)
        self._clock.start_over()
