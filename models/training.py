"""The training loop.

Legend: R lanes, T clicks of a piece, N clicks of a batch; B, D, V as in `models.networks`.
"""

import math
import time
from collections.abc import Sequence
from typing import Protocol

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.batches import LaneBatch, iterate_lane_batches
from models.encoded_sessions import EncodedSessions
from models.errors import TrainingError
from models.evaluation import EvaluationReport, evaluate_network
from models.networks.sequence_network import NetworkState, SequenceNetwork
from models.schedules import learning_rate_factor
from models.training_config import TrainingConfig, ValidationSection


class EpochReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one epoch did.

    Attributes:
        epoch: Counted from 1.
        loss: Mean loss of a click, with dropout on; cross-entropy in nats.
        learning_rate: Of the epoch's last batch.
        seconds: Wall clock, validation left out.
        validation: The figures on the validation period, where there is one.
    """

    epoch: int
    loss: float
    learning_rate: float
    seconds: float
    validation: EvaluationReport | None


class TrainingProgress(Protocol):
    """Who is told how training goes."""

    def begin(self, epochs: int, clicks: int) -> None:
        """Training begins: so many epochs at most, of so many clicks each."""

    def advance(self, clicks: int, loss: float) -> None:
        """A batch of so many clicks was learned, at this mean loss of a click."""

    def end_epoch(self, report: EpochReport) -> None:
        """An epoch is over."""


class Silence:
    """Tell nobody."""

    def begin(self, epochs: int, clicks: int) -> None:
        """Say nothing."""

    def advance(self, clicks: int, loss: float) -> None:
        """Say nothing."""

    def end_epoch(self, report: EpochReport) -> None:
        """Say nothing."""


def train_network(
    network: SequenceNetwork,
    sessions: EncodedSessions,
    config: TrainingConfig,
    *,
    popularity: NDArray[np.int64],
    validation: EncodedSessions | None = None,
    exclude_last: int = 0,
    progress: TrainingProgress | None = None,
) -> tuple[EpochReport, ...]:
    """Train a network in place; with a validation period it ends with the weights of its best epoch.

    Deterministic under `config.seed`, with the same number of torch threads on the same kind of machine.

    Args:
        network: Built after `torch.manual_seed(config.seed)`, where its weights are to be repeatable.
        sessions: What to learn; without unknown items.
        config: The settings.
        popularity: Training clicks of every item, (V,): negatives are drawn by it.
        validation: What early stopping is judged by; None trains for all epochs.
        exclude_last: The seen filter that the validation's lists pass through, see `evaluate_network`.
        progress: Who is told how it goes.

    Returns:
        One report an epoch.

    Raises:
        TrainingError: If no session has two clicks, or the loss is not finite.
    """
    clicks = int(np.maximum(sessions.lengths - 1, 0).sum())
    if not clicks:
        raise TrainingError(
            "There is nothing to train on: no session has two clicks. Use more data, or clean it less strictly."
        )
    progress = progress or Silence()
    progress.begin(config.epochs, clicks)
    generator = np.random.default_rng(config.seed)
    learner = _Learner(network, config, clicks, popularity)
    stopping = EarlyStopping(config.validation)
    history: list[EpochReport] = []
    for epoch in range(1, config.epochs + 1):
        order = _session_order(sessions, config, generator)
        report = learner.run_epoch(epoch, sessions, order, progress)
        if validation is not None:
            figures = evaluate_network(network, validation, exclude_last=exclude_last)
            report = msgspec.structs.replace(report, validation=figures)
            stopping.observe(report, network)
        history.append(report)
        progress.end_epoch(report)
        if stopping.is_over:
            break
    stopping.restore(network)
    return tuple(history)


def _session_order(
    sessions: EncodedSessions, config: TrainingConfig, generator: np.random.Generator
) -> NDArray[np.int64]:
    if config.batches.order == "shuffled":
        return generator.permutation(len(sessions))
    return np.arange(len(sessions))


def best_epoch(history: Sequence[EpochReport], metric: str) -> int:
    """Return the epoch whose weights training ended with: the first best by the metric, else the last one."""
    validated = [(report.validation.metrics[metric], -report.epoch) for report in history if report.validation]
    return -max(validated)[1] if validated else history[-1].epoch


class EarlyStopping:
    """Remembers the weights of the best epoch, and when it has been the best for too long.

    Args:
        config: The metric and the patience.
    """

    def __init__(self, config: ValidationSection) -> None:
        self.config = config
        self._best_value = -math.inf
        self._best_weights: dict[str, Tensor] = {}
        self._epochs_since = 0

    @property
    def is_over(self) -> bool:
        """Tell whether there is no use in another epoch."""
        return self._epochs_since >= self.config.patience

    def observe(self, report: EpochReport, network: nn.Module) -> None:
        """Judge an epoch by its figures on the validation period."""
        if report.validation is None:
            return
        value = report.validation.metrics[self.config.metric]
        self._epochs_since += 1
        if value > self._best_value:
            self._best_value, self._epochs_since = value, 0
            self._best_weights = {name: tensor.clone() for name, tensor in network.state_dict().items()}

    def restore(self, network: nn.Module) -> None:
        """Give the network the weights of its best epoch; without a validation period it keeps its last."""
        if self._best_weights:
            network.load_state_dict(self._best_weights)


class _Learner:
    """A network and its optimiser.

    Args:
        network: What learns.
        config: The settings.
        clicks: Clicks of one epoch; progress along the schedule is counted in them.
        popularity: Training clicks of every item, (V,).
    """

    def __init__(
        self, network: SequenceNetwork, config: TrainingConfig, clicks: int, popularity: NDArray[np.int64]
    ) -> None:
        self._network = network
        self._config = config
        self._clicks = clicks
        self._loss = config.loss.build(network, popularity)
        self._optimiser = config.optimiser.build(network.parameters())
        self._learning_rate = config.optimiser.learning_rate

    def run_epoch(
        self, epoch: int, sessions: EncodedSessions, order: NDArray[np.int64], progress: TrainingProgress
    ) -> EpochReport:
        """Learn every click once."""
        began = time.perf_counter()
        self._network.train()
        settings = self._config.batches
        carried = self._network.initial_state(settings.lanes)
        clicks_done, loss_sum = 0, 0.0
        batches = iterate_lane_batches(sessions, order, lanes=settings.lanes, window=settings.window)
        for number, batch in enumerate(batches, start=1):
            summed = self._summed_loss(batch, carried)
            clicks, loss = int(batch.is_click.sum()), summed.item()
            if not math.isfinite(loss):
                raise TrainingError(self._not_finite(loss, epoch, number))
            clicks_done, loss_sum = clicks_done + clicks, loss_sum + loss
            self._update(summed / settings.loss_divisor, epoch - 1 + clicks_done / self._clicks)
            progress.advance(clicks, loss / clicks)
        return EpochReport(
            epoch=epoch,
            loss=loss_sum / clicks_done,
            learning_rate=self._learning_rate,
            seconds=time.perf_counter() - began,
            validation=None,
        )

    def _summed_loss(self, batch: LaneBatch, carried: NetworkState) -> Tensor:
        """Return the loss summed over the batch's clicks; move the lanes' states on."""
        lane = torch.from_numpy(batch.lane)
        goes_on = torch.from_numpy(~batch.begins_session)
        state = tuple(_where_rows(goes_on, tensor[lane]) for tensor in carried)  # (R, ...) each
        output, state = self._network(torch.from_numpy(batch.item_index), torch.from_numpy(batch.features), state)
        # Rows that were padded carry a state on that nobody reads: their sessions have ended.
        for tensor, advanced in zip(carried, state, strict=True):
            tensor[lane] = advanced.detach()
        is_click = torch.from_numpy(batch.is_click)
        # (R, T, D) -> (N, D), and what was clicked next, (N,)
        return self._loss(self._network, output[is_click], torch.from_numpy(batch.target_index)[is_click])

    def _update(self, loss: Tensor, progress: float) -> None:
        factor = learning_rate_factor(self._config.schedule, progress, self._config.epochs)
        self._learning_rate = self._config.optimiser.learning_rate * factor
        for group in self._optimiser.param_groups:
            group["lr"] = self._learning_rate
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        if self._config.gradient_clip_norm is not None:
            nn.utils.clip_grad_norm_(self._network.parameters(), self._config.gradient_clip_norm)
        self._optimiser.step()

    def _not_finite(self, loss: float, epoch: int, batch: int) -> str:
        return (
            f"The loss is {loss} in epoch {epoch}, batch {batch}, at learning rate {self._learning_rate:.3g}: lower "
            "`learning_rate` under [optimiser], add `warmup_epochs` under [schedule], or set `gradient_clip_norm`."
        )


def _where_rows(keep: Tensor, rows: Tensor) -> Tensor:
    """Return rows, (R, ...), zeros where they are not kept, (R,)."""
    return rows * keep.view(-1, *[1] * (rows.dim() - 1))
