"""Live counts fitted at the end of a training run, and the line that says what they are worth."""

from dataclasses import replace

from rich.console import Console

from models.counts.fitting import CountsFit, fit_without_clock
from models.preparation.prepared_data import PreparedData
from models.training.checkpoint import Checkpoint
from models.training.counts_fitting import fit_as_configured, judge_config, keep_with, needs_no_judge
from models.training.execution import Execution
from models.training.run import train
from nextclick.training_progress import ProgressBar


def with_live_counts(
    checkpoint: Checkpoint, data: PreparedData, console: Console, *, exclude_last: int, execution: Execution
) -> Checkpoint:
    """Fit live counts for a network that was just trained, and return it with them.

    A network that learned all of the training period cannot judge them: another one is trained without its end.

    Args:
        checkpoint: The network, its configuration with `fit = true` under [live_counts].
        data: What it was trained on.
        console: Where progress goes.
        exclude_last: As in training.
        execution: As in training. Every process trains; the first one's checkpoint has the counts.

    Raises:
        DataError: If there are too few clicks to fit by.
        TrainingInterrupted: If `execution.keeping` says to stop.
    """
    configured = checkpoint.description.config
    config, judge = judge_config(configured), checkpoint
    if needs_no_judge(data):
        return keep_with(checkpoint, fit_without_clock(configured.live_counts.start))
    if config != configured:
        console.print(f"Live counts are fitted by a network without the last {config.validation.share:.0%}.")
        with ProgressBar(console, config.validation.metric) as progress:
            judge = train(data, config, progress, exclude_last=exclude_last, execution=_of_judge(execution))
    if not execution.processes.is_first:
        return checkpoint
    with console.status("Trying half lives and weights of live counts"):
        return keep_with(checkpoint, fit_as_configured(judge, data, exclude_last=exclude_last))


def fit_line(fit: CountsFit) -> str:
    """Say what live counts are worth."""
    without, counted = fit.without_counts, fit.with_counts
    if without is None or counted is None:
        return "Live counts are useless here: the log has no clock, all sessions of a day begin at one moment."
    verdict = "useless here: " if fit.recipe.useless else ""
    return (
        f"Live counts: {verdict}Recall@20 {without.recall:.4f} without and {counted.recall:.4f} with them, MRR@20 "
        f"{without.mrr:.4f} and {counted.mrr:.4f}, on {fit.questions:,} validation clicks; the best of {fit.trials} "
        "recipes."
    )


def _of_judge(execution: Execution) -> Execution:
    if execution.keeping is None:
        return execution
    return replace(execution, keeping=execution.keeping.of_part("live-counts"))
