"""What `nextclick train` does and prints: a bar while it learns, a table when it is done, or JSON."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from export.exporter import RING_LENGTH
from models.counts.fitting import CountsFit
from models.evaluation.metrics import CUTOFFS
from models.networks.ensemble import EnsembleConfig
from models.networks.kinds import kind_of
from models.training.checkpoint import Checkpoint, save_checkpoint
from models.training.config import TrainingConfig
from models.training.counts_fitting import require_questions, tables_to_fit_counts_by
from models.training.encoded_data import Prepared
from models.training.ensemble_assembly import assemble
from models.training.epoch_report import EpochReport, best_epoch
from models.training.execution import PLAIN, Execution
from models.training.run import Comparison, evaluate_on_test, train
from models.training.training_data import TrainingData
from nextclick.counts_fitting import fit_line, with_live_counts
from nextclick.training_progress import ProgressBar


class TrainingReport(msgspec.Struct, frozen=True):
    """What `nextclick train` did.

    Attributes:
        checkpoint: The folder that was written.
        kind: Of the network: `lstm`, `gru`, ...
        training_data: What was learned.
        epochs: What each epoch did, the validation figures included.
        best_epoch: The epoch whose weights were kept; None: there was none, an ensemble's members were trained before.
        seconds: Wall clock of the training, validation and the fit of live counts included.
        test: The network and popularity on the test clicks; None where these were left alone.
        member_weights: What an ensemble's members weigh, in their order; of any other kind nothing.
        live_counts: How everyone's latest clicks enter the lists; None: the configuration did not ask for it.
    """

    checkpoint: str
    kind: str
    training_data: TrainingData
    epochs: tuple[EpochReport, ...]
    best_epoch: int | None
    seconds: float
    test: Comparison | None
    member_weights: tuple[float, ...] = ()
    live_counts: CountsFit | None = None


def train_and_report(
    data: Prepared,
    config: TrainingConfig,
    out: Path,
    console: Console,
    *,
    evaluate: bool,
    exclude_seen: bool,
    execution: Execution = PLAIN,
) -> TrainingReport:
    """Train under a progress bar, judge the network by the test clicks, and write the checkpoint.

    Where the configuration asks for it, live counts are fitted between training and test. The test's figures are those
    of the network alone.

    Args:
        data: The data.
        config: The settings.
        out: The checkpoint's folder.
        console: Where progress goes.
        evaluate: Whether to look at the test clicks.
        exclude_seen: Whether lists leave out what the user clicked last, as far back as an artifact's ring remembers.
        execution: How to carry it out. A state that is kept goes once the checkpoint is there.

    Returns:
        What was done; of several processes the first one's is whole.

    Raises:
        TrainingInterrupted: If `execution.keeping` says to stop.
        DataError: If there are too few clicks to fit live counts by; said before anything is trained.
        SettingsError: If they are to be fitted by data on disk.
    """
    counted = tables_to_fit_counts_by(data) if config.live_counts.fit else None
    if counted is not None:
        require_questions(counted, config)
    exclude_last = RING_LENGTH if exclude_seen else 0
    began = time.perf_counter()
    with ProgressBar(console, config.validation.metric) as progress:
        checkpoint = train(data, config, progress, exclude_last=exclude_last, execution=execution)
    if counted is not None:
        checkpoint = with_live_counts(checkpoint, counted, console, exclude_last=exclude_last, execution=execution)
    seconds = time.perf_counter() - began
    comparison = None
    is_first = execution.processes.is_first
    if evaluate and is_first:
        with console.status(f"Evaluating on {data.test_click_count:,} test clicks"):
            checkpoint, comparison = evaluate_on_test(checkpoint, data, exclude_last=exclude_last)
    if is_first:
        save_checkpoint(out, checkpoint)
        if execution.keeping is not None:
            execution.keeping.discard()
    return _report(checkpoint, out, seconds, comparison)


def assemble_and_report(
    checkpoints: Sequence[Checkpoint],
    data: Prepared,
    out: Path,
    console: Console,
    *,
    weights: Sequence[float] | None,
    evaluate: bool,
) -> TrainingReport:
    """Make an ensemble of checkpoints, judge it by the test clicks, and write its checkpoint.

    Args:
        checkpoints: The members.
        data: What they were trained on.
        out: The ensemble's folder.
        console: Where progress goes.
        weights: What the members weigh; None: fitted on the validation period.
        evaluate: Whether to look at the test clicks.
    """
    began = time.perf_counter()
    exclude_last = RING_LENGTH if data.description.exclude_seen else 0
    with console.status(f"Weighing {len(checkpoints)} members"):
        checkpoint = assemble(checkpoints, data, weights=weights, exclude_last=exclude_last)
    seconds = time.perf_counter() - began
    comparison = None
    if evaluate:
        with console.status(f"Evaluating on {data.test_click_count:,} test clicks"):
            checkpoint, comparison = evaluate_on_test(checkpoint, data, exclude_last=exclude_last)
    save_checkpoint(out, checkpoint)
    return _report(checkpoint, out, seconds, comparison)


def _report(checkpoint: Checkpoint, out: Path, seconds: float, comparison: Comparison | None) -> TrainingReport:
    description = checkpoint.description
    members = description.network.members if isinstance(description.network, EnsembleConfig) else ()
    history, metric = description.history, description.config.validation.metric
    return TrainingReport(
        checkpoint=str(out),
        kind=kind_of(description.network),
        training_data=description.training_data,
        epochs=history,
        best_epoch=best_epoch(history, metric) if history else None,
        seconds=seconds,
        test=comparison,
        member_weights=tuple(member.weight for member in members),
        live_counts=description.live_counts,
    )


def print_training(report: TrainingReport, *, as_json: bool) -> None:
    """Print what was learned, how good it is beside popularity, and where the checkpoint is."""
    if as_json:
        typer.echo(msgspec.json.encode(report).decode())
        return
    console, data = Console(), report.training_data
    learned = f"{data.clicks:,} clicks of {data.sessions:,} sessions of {escape(data.dataset)}"
    if report.member_weights:
        weights = ", ".join(f"{weight:.4f}" for weight in report.member_weights)
        console.print(
            f"Learned {learned} by {len(report.member_weights)} members, {report.seconds:.0f} s; they weigh {weights}.",
            highlight=False,
        )
    elif report.epochs[0].loss is None:
        console.print(f"Counted {learned} in {report.seconds:.0f} s.", highlight=False)
    else:
        console.print(
            f"Learned {learned} in {len(report.epochs)} epochs, {report.seconds:.0f} s; kept the weights of epoch "
            f"{report.best_epoch}.",
            highlight=False,
        )
    if report.live_counts is not None:
        console.print(fit_line(report.live_counts), highlight=False, soft_wrap=True)
    if report.test is not None:
        console.print(_comparison_table(report.test, report.kind))
    console.print(
        f"The checkpoint is {escape(report.checkpoint)}. Next: nextclick export {escape(report.checkpoint)}",
        highlight=False,
        soft_wrap=True,
    )


def _comparison_table(comparison: Comparison, kind: str) -> Table:
    network, popularity = comparison.network, comparison.popularity
    table = Table("", "", title=f"{network.predictions:,} test clicks of {network.sessions:,} sessions")
    for cutoff in CUTOFFS:
        table.add_column(f"@{cutoff}", justify="right")
    for name in ("Recall", "MRR", "NDCG", "Coverage"):
        table.add_row(name, kind, *_cells(network.metrics, name))
        table.add_row("", "popularity", *_cells(popularity.metrics, name))
    for name in ("Recall", "NDCG") if network.following else ():
        table.add_row(f"{name}, next clicks", kind, *_cells(network.following, name))
        table.add_row("", "popularity", *_cells(popularity.following, name))
    return table


def _cells(metrics: Mapping[str, float], name: str) -> list[str]:
    figures = (metrics.get(f"{name}@{cutoff}") for cutoff in CUTOFFS)
    return ["" if figure is None else f"{figure:.4f}" for figure in figures]
