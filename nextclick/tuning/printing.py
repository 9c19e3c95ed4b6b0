"""A search's trials as a table for people: on the terminal, and in Markdown."""

from pathlib import Path
from shlex import quote

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from models.training.config import encode_training_config
from nextclick.tuning.result import TrialResult, TuningResult, shown

# On the terminal; the Markdown file has them all.
_ROWS_SHOWN = 20


def print_result(result: TuningResult, folder: Path, dataset: str) -> None:
    """Print the best trials, and what to do next.

    Args:
        result: The search.
        folder: Where its files are.
        dataset: What `nextclick train --dataset` finds the data by.
    """
    console = Console()
    console.print(_table(result))
    if result.best is None:
        console.print("No trial has come to its end.", highlight=False)
        return
    best = folder / "best.toml"
    console.print(
        f"The best configuration is {escape(str(best))}, everything else is in {escape(str(folder))}. "
        f"Next, on all of the training period:\n{escape(next_command(result, best, dataset))}",
        highlight=False,
        soft_wrap=True,
    )


def trial_line(result: TuningResult, number: int) -> str:
    """Say in one line what a trial has come to, beside the best so far."""
    trial = next((trial for trial in result.trials if trial.number == number), None)
    if trial is None or trial.value is None:
        return f"Trial {number}  failed" if trial is None else f"Trial {number}  failed: {trial.failure}"
    best = result.complete[0].value if result.complete else None
    point = ", ".join(f"{key} {shown(value)}" for key, value in trial.point.items())
    leading = "" if best is None else f", best {best:.4f}"
    return f"Trial {number}  {result.metric} {trial.value:.4f} ({trial.state}{leading})  {point}"


def next_command(result: TuningResult, best: Path, dataset: str) -> str:
    """Return the command that trains the best configuration without a validation period, for as many epochs."""
    epochs = round(sum(result.complete[0].epochs) / len(result.complete[0].epochs))
    where = f"--dataset {quote(dataset)} --config {quote(str(best))}"
    return f"nextclick train {where} --validation-share 0 --epochs {epochs}"


def best_file(result: TuningResult) -> bytes:
    """Return the best configuration as a file, with where it is from in its comments.

    The configuration is whole and unchanged: the validation period is set aside as in the search.
    """
    if result.best is None:
        raise AssertionError
    best = result.complete[0]
    comments = (
        f"# Found by `nextclick tune` on {result.dataset}: trial {best.number} of {len(result.trials)}, "
        f"{result.metric} {best.value:.4f} on the validation period.\n"
        f"# Sampler {result.sampler}, pruner {result.pruner}; best epoch of each seed: "
        f"{', '.join(map(str, best.epochs))}.\n# The test clicks were not looked at.\n\n"
    )
    return comments.encode() + encode_training_config(result.best)


def markdown_of(result: TuningResult) -> str:
    """Return every trial as a Markdown table, with a line above it that says what was searched."""
    keys = _keys(result)
    head = ["trial", result.metric, "best epoch", "seconds", *(f"`{key}`" for key in keys)]
    lines = [
        f"# {result.metric} on the validation period of {result.dataset}",
        "",
        (
            f"{len(result.trials)} trials, {len(result.complete)} of them to their end; sampler {result.sampler}, "
            f"pruner {result.pruner}. The test clicks were not looked at."
        ),
        "",
        f"| {' | '.join(head)} |",
        f"|{'|'.join('---' for _ in head)}|",
        *(f"| {' | '.join(_cells(trial, keys))} |" for trial in result.trials),
    ]
    failures = [f"- trial {trial.number}: {trial.failure}" for trial in result.trials if trial.failure]
    return "\n".join([*lines, *(["", "Failed:", "", *failures] if failures else []), ""])


def _table(result: TuningResult) -> Table:
    keys = _keys(result)
    table = Table(title=f"{result.dataset}: {result.metric} on the validation period")
    # The last word of a key says enough, but where another key ends alike.
    last = [key.rpartition(".")[2] for key in keys]
    short = [word if last.count(word) == 1 else key for word, key in zip(last, keys, strict=True)]
    for name in ("trial", result.metric, "best epoch", "seconds", *short):
        table.add_column(escape(name), justify="right", overflow="fold")
    for trial in result.trials[:_ROWS_SHOWN]:
        table.add_row(*(escape(cell) for cell in _cells(trial, keys)))
    return table


def _keys(result: TuningResult) -> list[str]:
    return list(dict.fromkeys(key for trial in result.trials for key in trial.point))


def _cells(trial: TrialResult, keys: list[str]) -> list[str]:
    value = "" if trial.value is None else f"{trial.value:.4f}"
    spread = f" ({min(trial.values):.4f} to {max(trial.values):.4f})" if len(trial.values) > 1 else ""
    return [
        str(trial.number),
        f"{value}{spread}" if trial.state == "complete" else f"{value} {trial.state}".strip(),
        ", ".join(map(str, trial.epochs)),
        f"{trial.seconds:.0f}",
        *(shown(trial.point[key]) if key in trial.point else "" for key in keys),
    ]
