"""The bar that training draws, for `nextclick train` and for the demo."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from models.training.epoch_report import EpochReport


class ProgressBar:
    """A bar over all clicks of all epochs, and a line for every epoch that is over; a `TrainingProgress`.

    Args:
        console: Where to draw: stderr, so that stdout keeps to tables and JSON.
        metric: The figure of the validation period that early stopping looks at.
    """

    def __init__(self, console: Console, metric: str) -> None:
        self._metric = metric
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:,.0f} of {task.total:,.0f} clicks{task.fields[loss]}"),
            TimeRemainingColumn(),
            console=console,
        )
        self._task: TaskID | None = None
        self._epochs = 0
        self._clicks = 0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def begin(self, epochs: int, clicks: int) -> None:
        """Draw the empty bar."""
        self._epochs, self._clicks = epochs, clicks
        self._task = self._progress.add_task(f"Epoch 1 of {epochs}", total=epochs * clicks, loss="")

    def resume(self, epoch: int, clicks: int) -> None:
        """Say so, and fill the bar as far as the interrupted run had come."""
        self._progress.console.print(
            f"Going on with an interrupted run: epoch {epoch}, after {clicks:,} of its clicks.", highlight=False
        )
        if self._task is not None:
            done = min((epoch - 1) * self._clicks + clicks, self._epochs * self._clicks)
            description = f"Epoch {min(epoch, self._epochs)} of {self._epochs}"
            self._progress.update(self._task, completed=done, description=description)

    def advance(self, clicks: int, loss: float) -> None:
        """Move the bar."""
        if self._task is not None:
            self._progress.update(self._task, advance=clicks, loss=f", loss {loss:.3f}")

    def end_epoch(self, report: EpochReport) -> None:
        """Print the epoch's line above the bar."""
        self._progress.console.print(epoch_line(report, self._metric), highlight=False)
        if self._task is not None:
            # Augmentation may have left fewer clicks than there are.
            description = f"Epoch {min(report.epoch + 1, self._epochs)} of {self._epochs}"
            self._progress.update(self._task, completed=report.epoch * self._clicks, description=description)


def epoch_line(report: EpochReport, metric: str) -> str:
    """Say in one line what an epoch did: Recall@20 and MRR@20 beside the metric that is watched."""
    loss = "counted" if report.loss is None else f"loss {report.loss:.4f}"
    line = f"Epoch {report.epoch:2d}  {loss}  {report.seconds:5.1f} s"
    if report.validation is None:
        return line
    names = dict.fromkeys((metric, "Recall@20", "MRR@20"))
    return f"{line}  validation " + "  ".join(f"{name} {report.validation.metrics[name]:.4f}" for name in names)
