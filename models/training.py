"""The training loop: epochs of batches, validated, stopped early, kept so that an interrupted run goes on."""

import math
import time
from itertools import islice

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from models.batches import iterate_lane_batches
from models.early_stopping import EarlyStopping
from models.encoded_sessions import EncodedSessions
from models.epoch_report import EpochReport
from models.errors import TrainingError, TrainingInterrupted
from models.evaluation import evaluate_network
from models.learner import Learner, named
from models.networks.sequence_network import SequenceNetwork
from models.random_states import random_states, restore_random_states
from models.run_keeping import KeepingClock, RunKeeping
from models.training_config import TrainingConfig
from models.training_progress import Silence, TrainingProgress
from models.training_state import (
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
    keeping: RunKeeping | None = None,
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
        keeping: Where to leave the state of the run, and to go on from if there is one; None keeps none.

    Returns:
        One report an epoch.

    Raises:
        TrainingError: If no session has two clicks, or the loss is not finite.
        TrainingInterrupted: If `keeping` says to stop; its state is left there.
        SettingsError: If the state that is there is another run's.
    """
    clicks = int(np.maximum(sessions.lengths - 1, 0).sum())
    if not clicks:
        raise TrainingError(
            "There is nothing to train on: no session has two clicks. Use more data, or clean it less strictly."
        )
    learner = Learner(network, config, popularity)
    training = _Training(learner, sessions, clicks, config, progress or Silence())
    training.progress.begin(config.epochs, clicks)
    if keeping is not None:
        data = digest_of(sessions, validation)
        identity = RunIdentity(config, data, exclude_last, device=network.device.type)
        training.keep(keeping, identity)
    while training.goes_on:
        report = training.run_epoch()
        if validation is not None:
            figures = evaluate_network(network, validation, exclude_last=exclude_last)
            report = msgspec.structs.replace(report, validation=figures)
        training.end_epoch(report)
    training.stopping.restore(network)
    return tuple(training.history)


class _Training:
    """A run that is under way.

    Args:
        learner: What learns.
        sessions: What is learned.
        clicks: How many clicks of an epoch that makes.
        config: The settings.
        progress: Who is told.
    """

    def __init__(
        self,
        learner: Learner,
        sessions: EncodedSessions,
        clicks: int,
        config: TrainingConfig,
        progress: TrainingProgress,
    ) -> None:
        self._learner = learner
        self._sessions = sessions
        self._clicks = clicks
        self._config = config
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
        self._keeper = _Keeper(keeping, identity)
        state = load_training_state(keeping.file, identity)
        if state is None:
            return
        self._position, self.history = state.position, list(state.history)
        self.stopping.resume(state.stopping, named(state.tensors, "best/"))
        self._learner.resume(state.tensors, state.position.learning_rate)
        restore_random_states(named(state.tensors, "random/"), self._learner.network.device)
        self.progress.resume(state.position.epoch, state.position.clicks)

    def run_epoch(self) -> EpochReport:
        """Learn every click once, or what is left of an epoch that was interrupted."""
        began = time.perf_counter() - self._position.seconds
        if not self._position.batches:
            self._learner.begin_epoch()
        order = session_order(self._sessions, self._config, self._position.epoch)
        settings = self._config.batches
        batches = iterate_lane_batches(self._sessions, order, lanes=settings.lanes, window=settings.window)
        for batch in islice(batches, self._position.batches, None):
            clicks = int(batch.is_click.sum())
            summed = self._learner.loss_of(batch)
            loss = self._finite(summed)
            done = self._position.clicks + clicks
            self._learner.update(summed, self._position.epoch - 1 + done / self._clicks)
            self._position = Position(
                epoch=self._position.epoch,
                batches=self._position.batches + 1,
                clicks=done,
                loss_sum=self._position.loss_sum + loss,
                learning_rate=self._learner.learning_rate,
                seconds=time.perf_counter() - began,
            )
            self.progress.advance(clicks, loss / clicks)
            self._keep_if_due()
        return EpochReport(
            epoch=self._position.epoch,
            loss=self._position.loss_sum / self._position.clicks,
            learning_rate=self._learner.learning_rate,
            seconds=self._position.seconds,
            validation=None,
        )

    def end_epoch(self, report: EpochReport) -> None:
        """Judge the epoch, and go on to the next one."""
        self.stopping.observe(report, self._learner.network)
        self.history.append(report)
        self._position = Position(epoch=report.epoch + 1, learning_rate=report.learning_rate)
        self.progress.end_epoch(report)
        if self._keeper is not None:
            self._keep(self._keeper, stop=self._keeper.should_stop)

    def _keep_if_due(self) -> None:
        keeper = self._keeper
        if keeper is None:
            return
        stop = keeper.should_stop
        if stop or keeper.is_due:
            self._keep(keeper, stop=stop)

    def _keep(self, keeper: "_Keeper", *, stop: bool) -> None:
        keeper.keep(self._state(keeper.identity))
        if stop:
            raise TrainingInterrupted(
                f"Stopped in epoch {self._position.epoch}, after {self._position.clicks:,} of its {self._clicks:,} "
                f"clicks. The state is kept in {keeper.file}: the same command goes on from there."
            )

    def _state(self, identity: RunIdentity) -> TrainingState:
        tensors = {
            **self._learner.tensors(),
            **{f"best/{name}": tensor for name, tensor in self.stopping.best_weights.items()},
            **{f"random/{name}": tensor for name, tensor in random_states(self._learner.network.device).items()},
        }
        return TrainingState(identity, self._position, tuple(self.history), self.stopping.state, tensors)

    def _finite(self, summed: torch.Tensor) -> float:
        loss = summed.item()
        if math.isfinite(loss):
            return loss
        raise TrainingError(
            f"The loss is {loss} in epoch {self._position.epoch}, batch {self._position.batches + 1}, at learning rate "
            f"{self._learner.learning_rate:.3g}: lower `learning_rate` under [optimiser], add `warmup_epochs` under "
            "[schedule], or set `gradient_clip_norm`."
        )


def session_order(sessions: EncodedSessions, config: TrainingConfig, epoch: int) -> NDArray[np.int64]:
    """Return the order in which an epoch deals the sessions, (S,): a function of the seed and the epoch's number."""
    if config.batches.order == "shuffled":
        return np.random.default_rng((config.seed, epoch)).permutation(len(sessions))
    return np.arange(len(sessions))


class _Keeper:
    """Keeps the states of one run."""

    def __init__(self, keeping: RunKeeping, identity: RunIdentity) -> None:
        self.file = keeping.file
        self.identity = identity
        self._keeping = keeping
        self._clock = KeepingClock(keeping.every_s)

    @property
    def is_due(self) -> bool:
        return self._clock.is_due

    @property
    def should_stop(self) -> bool:
        return self._keeping.should_stop()

    def keep(self, state: TrainingState) -> None:
        save_training_state(self.file, state)
        self._clock.start_over()
