"""Pictures of a search: its history, what mattered, and each setting against the figure. From the extra `report`."""

import warnings
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from optuna.exceptions import ExperimentalWarning
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.study import Study

from nextclick.tuning.result import TuningResult, shown
from nextclick.tuning.search_space import SearchSpace

# Okabe and Ito's blue, vermilion and grey: told apart by all eyes.
_BLUE, _VERMILION, _MUTED = "#0072b2", "#d55e00", "#9aa0a6"
_STYLE = {
    "backend": "agg",
    "text.parse_math": False,
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e3e5e8",
    "figure.constrained_layout.use": True,
}
# Fewer say nothing of what matters.
_FEWEST_TRIALS = 4
_SLICES_A_ROW = 3


def draw_history(result: TuningResult, path: Path) -> None:
    """Draw every trial's figure in the order of the trials, and the best one so far."""
    trials = sorted((trial for trial in result.trials if trial.value is not None), key=lambda trial: trial.number)
    with mpl.rc_context():
        mpl.rcParams.update(_STYLE)  # type: ignore[arg-type]  # its keys are spelt out as literals
        figure = Figure(figsize=(7.5, 4))
        axes = figure.subplots()
        for state, colour, marker in (("complete", _BLUE, "o"), ("pruned", _MUTED, "x")):
            of_state = [trial for trial in trials if trial.state == state]
            axes.scatter(
                [trial.number for trial in of_state],
                [trial.value or 0.0 for trial in of_state],
                color=colour,
                marker=marker,
                label=state if state == "complete" else "pruned, last figure",
            )
        complete = [trial for trial in trials if trial.state == "complete"]
        best_so_far = np.maximum.accumulate([trial.value or 0.0 for trial in complete])
        axes.step(
            [trial.number for trial in complete], best_so_far, where="post", color=_VERMILION, label="best so far"
        )
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set(xlabel="trial", ylabel=f"{result.metric}, validation", title=f"{result.dataset}: the search")
        figure.legend(frameon=False, loc="outside lower center", ncols=3)
        figure.savefig(path, dpi=120)


def draw_slices(result: TuningResult, path: Path) -> None:
    """Draw each setting against the figure of the complete trials; later trials are darker."""
    keys = list(dict.fromkeys(key for trial in result.complete for key in trial.point))
    rows = -(-len(keys) // _SLICES_A_ROW)
    columns = -(-len(keys) // rows)
    with mpl.rc_context():
        mpl.rcParams.update(_STYLE)  # type: ignore[arg-type]  # its keys are spelt out as literals
        figure = Figure(figsize=(3.6 * columns + 0.6, 3.2 * rows + 0.3))
        grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
        for axes, key in zip(grid.flat, keys, strict=False):
            _draw_slice(axes, result, key)
        for axes in grid.flat[len(keys) :]:
            axes.set_visible(False)
        for row in grid:
            row[0].set_ylabel(f"{result.metric}, validation")
        figure.suptitle(f"{result.dataset}: each setting against the figure; darker trials came later")
        figure.savefig(path, dpi=120)


def _draw_slice(axes: Axes, result: TuningResult, key: str) -> None:
    trials = [trial for trial in result.complete if key in trial.point]
    values = [trial.point[key] for trial in trials]
    figures = [trial.value or 0.0 for trial in trials]
    order = [trial.number for trial in trials]
    if any(isinstance(value, str) for value in values):
        names = sorted({shown(value) for value in values}, key=_by_number)
        places = [names.index(shown(value)) for value in values]
        axes.set_xticks(range(len(names)), [_short(name) for name in names])
        axes.set_xlim(-0.5, len(names) - 0.5)
        axes.scatter(places, figures, c=order, cmap="Blues", vmin=-len(order), edgecolors=_BLUE, linewidths=0.6)
    else:
        numbers = [float(value) for value in values]
        if min(numbers) > 0 and max(numbers) / min(numbers) >= 8:  # noqa: PLR2004 - three doublings: ratios count
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda number, _: f"{number:g}"))
            axes.xaxis.set_minor_formatter(NullFormatter())
        axes.scatter(numbers, figures, c=order, cmap="Blues", vmin=-len(order), edgecolors=_BLUE, linewidths=0.6)
    axes.set_xlabel(key)


def _by_number(name: str) -> tuple[float, str]:
    """Sort sizes as numbers, and names behind them."""
    try:
        return float(name), ""
    except ValueError:
        return float("inf"), name


def _short(name: str) -> str:
    """Cut the JSON of a table to what fits under an axis."""
    longest = 18
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def draw_importances(study: Study, space: SearchSpace, result: TuningResult, path: Path) -> bool:
    """Draw how much each setting mattered, by PED-ANOVA (Watanabe, Bansal and Hutter, 2023).

    Returns:
        Whether there was something to draw: a few trials with different figures.
    """
    figures = {trial.value for trial in result.complete}
    if len(result.complete) < _FEWEST_TRIALS or len(figures) == 1 or len(space.dimensions) == 1:
        return False
    with warnings.catch_warnings():
        # Optuna calls it experimental; its other evaluators need scikit-learn.
        warnings.simplefilter("ignore", ExperimentalWarning)
        evaluator = PedAnovaImportanceEvaluator()
    importances = get_param_importances(study, evaluator=evaluator)
    names = list(importances)[::-1]
    with mpl.rc_context():
        mpl.rcParams.update(_STYLE)  # type: ignore[arg-type]  # its keys are spelt out as literals
        figure = Figure(figsize=(7.5, 0.5 * len(names) + 1.4))
        axes = figure.subplots()
        axes.barh(names, [importances[name] for name in names], color=_BLUE)
        axes.grid(visible=False, axis="y")
        axes.set(xlabel="share of importance (PED-ANOVA)", title=f"What mattered, {len(result.complete)} trials")
        figure.savefig(path, dpi=120)
    return True
