"""Who is told how training goes."""

from typing import Protocol

from models.training.epoch_report import EpochReport


class TrainingProgress(Protocol):
    """Who is told how training goes."""

    def begin(self, epochs: int, clicks: int) -> None:
        """Training begins: so many epochs at most, of so many clicks each."""

    def resume(self, epoch: int, clicks: int) -> None:
        """It goes on where an interrupted run was: in this epoch, after so many clicks of it."""

    def advance(self, clicks: int, loss: float) -> None:
        """A batch of so many clicks was learned, at this mean loss of a click."""

    def end_epoch(self, report: EpochReport) -> None:
        """An epoch is over."""


class Silence:
    """Tell nobody."""

    def begin(self, epochs: int, clicks: int) -> None:
        """Say nothing."""

    def resume(self, epoch: int, clicks: int) -> None:
        """Say nothing."""

    def advance(self, clicks: int, loss: float) -> None:
        """Say nothing."""

    def end_epoch(self, report: EpochReport) -> None:
        """Say nothing."""
