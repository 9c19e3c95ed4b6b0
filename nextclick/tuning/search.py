"""A search from its space to the files that it leaves: journal, table, pictures, and the best configuration."""

from collections.abc import Callable
from pathlib import Path

import msgspec
from optuna.study import Study
from optuna.trial import FrozenTrial

from models.errors import NextclickError
from models.preparation.prepared_data import PreparedData
from models.training.execution import Execution
from nextclick.leaderboard.keys import data_digest
from nextclick.tuning.plots import draw_history, draw_importances, draw_slices
from nextclick.tuning.printing import best_file, markdown_of
from nextclick.tuning.result import TuningResult, result_of
from nextclick.tuning.search_space import SearchSpace
from nextclick.tuning.study import (
    PrunerName,
    SamplerName,
    finished,
    make_pruner,
    make_sampler,
    opened_study,
    trials_before,
)
from nextclick.tuning.trial_training import TrialTraining, require_validation

BEST_FILE, TABLE_FILE, RESULT_FILE = "best.toml", "trials.md", "trials.json"
HISTORY_FILE, SLICES_FILE, IMPORTANCES_FILE = "history.png", "slices.png", "importances.png"


class SearchPlan(msgspec.Struct, frozen=True):
    """How to search.

    Attributes:
        sampler: What chooses the points.
        pruner: What ends hopeless trials early.
        trials: How many there are to be, those of an interrupted search included. A grid ends with its last point.
        seeds: Networks a trial.
        seed: Of the sampler.
    """

    sampler: SamplerName
    pruner: PrunerName
    trials: int
    seeds: int
    seed: int = 0


def search(
    data: PreparedData,
    space: SearchSpace,
    plan: SearchPlan,
    folder: Path,
    *,
    execution: Execution,
    told: Callable[[TuningResult, int], None],
) -> TuningResult:
    """Search, or go on with the search that the folder holds, and write what came of it after every trial.

    Args:
        data: The data; its test clicks are not looked at.
        space: What to search.
        plan: How.
        folder: Where everything goes.
        execution: Where the networks learn.
        told: Told after every trial: the result so far, and the trial's number.

    Raises:
        SettingsError: If no validation period is set aside, or the folder holds another search.
    """
    require_validation(space.base)
    sampler = make_sampler(plan.sampler, space, plan.seed, trials_before(folder), plan.trials)
    pruner = make_pruner(plan.pruner, space.base.epochs)
    identity = {"space": space.digest, "data set": data_digest(data), "number of seeds": str(plan.seeds)}

    def keep(study: Study, trial: FrozenTrial) -> None:
        result = result_of(study, space, data.description.name, plan.sampler, plan.pruner)
        _write(result, folder)
        told(result, trial.number)

    with opened_study(folder, identity, sampler, pruner) as study:
        remaining = plan.trials - finished(study)
        if remaining > 0:
            objective = TrialTraining(data, space, plan.seeds, execution)
            study.optimize(objective, n_trials=remaining, catch=(NextclickError,), callbacks=[keep])
        result = result_of(study, space, data.description.name, plan.sampler, plan.pruner)
        _write(result, folder)
        if result.complete:
            draw_history(result, folder / HISTORY_FILE)
            draw_slices(result, folder / SLICES_FILE)
            draw_importances(study, space, result, folder / IMPORTANCES_FILE)
    return result


def _write(result: TuningResult, folder: Path) -> None:
    (folder / RESULT_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
    (folder / TABLE_FILE).write_text(markdown_of(result), encoding="utf-8")
    if result.best is not None:
        (folder / BEST_FILE).write_bytes(best_file(result))
