"""One trial of a search: networks trained at a point of the space and judged by the validation period alone."""

import dataclasses
import time

import msgspec
from optuna.exceptions import TrialPruned
from optuna.trial import Trial

from export.exporter import RING_LENGTH
from models.errors import NextclickError, SettingsError
from models.preparation.prepared_data import PreparedData
from models.training.config import TrainingConfig
from models.training.epoch_report import EpochReport, best_epoch
from models.training.execution import Execution
from models.training.run import train
from nextclick.tuning.search_space import SearchSpace


class TrialTraining:
    """The objective of a search: the best figure of the validation period, the mean over the seeds.

    The test clicks are taken away before anything else: no trial can look at them.

    Args:
        data: The data.
        space: What is searched.
        seeds: Networks a trial, with the configuration's seed and those after it.
        execution: Where they learn.
    """

    def __init__(self, data: PreparedData, space: SearchSpace, seeds: int, execution: Execution) -> None:
        self._data = dataclasses.replace(data, test=data.test.clear())
        self._space = space
        self._seeds = seeds
        self._execution = execution
        self._exclude_last = RING_LENGTH if data.description.exclude_seen else 0

    def __call__(self, trial: Trial) -> float:
        """Train at a point that the study chooses, and keep what came of it with the trial.

        Raises:
            TrialPruned: If the first seed's figures are hopeless; the others are not tried then.
            NextclickError: If it cannot be trained there; the study goes on.
        """
        config = self._space.config_at(self._space.suggested(trial))
        require_validation(config)
        began = time.perf_counter()
        reports = []
        try:
            for number in range(self._seeds):
                seeded = msgspec.structs.replace(config, seed=config.seed + number)
                watch = _Watch(trial if number == 0 else None, config.validation.metric)
                checkpoint = train(
                    self._data, seeded, watch, exclude_last=self._exclude_last, execution=self._execution
                )
                reports.append(_best(checkpoint.description.history, config.validation.metric))
        except NextclickError as error:
            trial.set_user_attr("failure", str(error))
            raise
        finally:
            trial.set_user_attr("seconds", time.perf_counter() - began)
        values = [report.validation.metrics[config.validation.metric] for report in reports if report.validation]
        trial.set_user_attr("epochs", [report.epoch for report in reports])
        trial.set_user_attr("values", values)
        return sum(values) / len(values)


def require_validation(config: TrainingConfig) -> None:
    """Check that a configuration sets a validation period aside.

    Raises:
        SettingsError: If it does not.
    """
    if not config.validation.share:
        raise SettingsError(
            "A search needs a validation period: give --validation-share 0.15, say, or set `share` under [validation]. "
            "The test clicks are no substitute."
        )


def _best(history: tuple[EpochReport, ...], metric: str) -> EpochReport:
    return history[best_epoch(history, metric) - 1]


class _Watch:
    """Hands each epoch's figure to the study, and ends the trial where the study says so; a `TrainingProgress`."""

    def __init__(self, trial: Trial | None, metric: str) -> None:
        self._trial = trial
        self._metric = metric

    def begin(self, epochs: int, clicks: int) -> None:
        """Say nothing."""

    def resume(self, epoch: int, clicks: int) -> None:
        """Say nothing."""

    def advance(self, clicks: int, loss: float) -> None:
        """Say nothing."""

    def end_epoch(self, report: EpochReport) -> None:
        """Report the epoch.

        Raises:
            TrialPruned: If the study has seen enough.
        """
        if self._trial is None or report.validation is None:
            return
        self._trial.report(report.validation.metrics[self._metric], report.epoch)
        if self._trial.should_prune():
            raise TrialPruned
