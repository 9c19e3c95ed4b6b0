"""An Optuna study in a folder: a journal that is only appended to, so that a search goes on after any interruption."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, assert_never

import optuna
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, GridSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import Study
from optuna.trial import TrialState

from models.errors import SettingsError
from nextclick.tuning.search_space import SearchSpace

SamplerName = Literal["tpe", "random", "grid", "evolutionary"]
PrunerName = Literal["median", "hyperband", "none"]
JOURNAL_FILE = "study.jsonl"
_LOCK_FILE = ".lock"
_IDENTITY = "identity"
_IN_PLACE_OF = "in place of"
# A grid's sampler tells by these which of its points a trial is at.
_GRID = ("grid_id", "search_space")
# A search here is tens of trials: small generations, or there would be but one.
_POPULATION = 10
# Before anything is taken for a rule, or for a trial to compare with.
_FIRST_TRIALS = 4


@contextmanager
def opened_study(folder: Path, identity: dict[str, str], sampler: BaseSampler, pruner: BasePruner) -> Iterator[Study]:
    """Yield the study of a folder, a new one or the one that is there, for this process alone.

    Trials that were interrupted are tried again first.

    Args:
        folder: Where the journal lies.
        identity: What must be the same for a study to go on.
        sampler: What chooses points.
        pruner: What ends trials early.

    Raises:
        SettingsError: If the study that is there is another one, or another process is at it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK_FILE).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SettingsError(
                f"Another search is at work in {folder}: wait for it, or name another --out."
            ) from error
        # Of a trial that fails or is stopped it would print the whole traceback.
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        _cut_torn_line(folder / JOURNAL_FILE)
        storage = JournalStorage(JournalFileBackend(str(folder / JOURNAL_FILE)))
        study = optuna.create_study(
            storage=storage,
            study_name="tune",
            direction="maximize",
            sampler=sampler,
            pruner=pruner,
            load_if_exists=True,
        )
        _check_identity(study, identity, folder)
        _queue_interrupted(study)
        yield study


def finished(study: Study) -> int:
    """Return how many trials are over: with a figure, ended early, or failed of themselves."""
    over = (TrialState.COMPLETE, TrialState.PRUNED)
    return sum(trial.state in over or "failure" in trial.user_attrs for trial in study.get_trials(deepcopy=False))


def make_sampler(name: SamplerName, space: SearchSpace, seed: int, trials_before: int, trials: int) -> BaseSampler:
    """Return what chooses the points of a space.

    `evolutionary` is a genetic algorithm, NSGA-II's with one objective (Deb et al., 2002). CMA-ES knows numbers alone;
    kinds of networks, losses and tables are no numbers, and a search over them falls apart into single dimensions.

    Args:
        name: Which one.
        space: What it chooses from.
        seed: Of its chance.
        trials_before: Those of the study so far: an interrupted search must not draw the same points again.
        trials: How many there are to be.
    """
    seed += trials_before
    match name:
        case "tpe":
            return TPESampler(n_startup_trials=max(_FIRST_TRIALS, min(10, trials // 3)), seed=seed)
        case "random":
            return RandomSampler(seed=seed)
        case "grid":
            return GridSampler(space.grid(), seed=seed - trials_before)
        case "evolutionary":
            return NSGAIISampler(population_size=_POPULATION, seed=seed)
        case _:
            assert_never(name)


def make_pruner(name: PrunerName, epochs: int) -> BasePruner:
    """Return what ends hopeless trials by their figures after each epoch.

    Args:
        name: `median` ends a trial that is behind half of the others at the same epoch; `hyperband` gives many trials
            few epochs and few trials many (Li et al., 2018).
        epochs: The most that a trial may have.
    """
    match name:
        case "median":
            return MedianPruner(n_startup_trials=_FIRST_TRIALS, n_warmup_steps=1)
        case "hyperband":
            return HyperbandPruner(min_resource=1, max_resource=max(epochs, 1), reduction_factor=3)
        case "none":
            return NopPruner()
        case _:
            assert_never(name)


def trials_before(folder: Path) -> int:
    """Return how many trials the study of a folder has seen."""
    if not (folder / JOURNAL_FILE).is_file():
        return 0
    storage = JournalStorage(JournalFileBackend(str(folder / JOURNAL_FILE)))
    return sum(storage.get_n_trials(study._study_id) for study in storage.get_all_studies())  # noqa: SLF001 - Optuna has no other


def _cut_torn_line(journal: Path) -> None:
    """Take away a last line that a full disk or a power cut left half: what is appended to it can never be read."""
    if not journal.is_file():
        return
    written = journal.read_bytes()
    whole = written.rfind(b"\n") + 1
    if whole < len(written):
        with journal.open("r+b") as file:
            file.truncate(whole)


def _check_identity(study: Study, identity: dict[str, str], folder: Path) -> None:
    known = study.user_attrs.get(_IDENTITY)
    if known is None:
        study.set_user_attr(_IDENTITY, identity)
    elif known != identity:
        others = ", ".join(name for name in identity if known.get(name) != identity[name])
        raise SettingsError(f"{folder} holds another search, with another {others}: name another --out.")


def _queue_interrupted(study: Study) -> None:
    """Queue the points of trials that a search was at when it ended, and that no later trial has taken over.

    Such a trial still runs where the process was killed. Where an exception went through it, Ctrl-C or a full disk,
    Optuna has called it failed; one that failed of itself has its reason.
    """
    trials = study.get_trials(deepcopy=False)
    taken_over = {trial.user_attrs.get(_IN_PLACE_OF) for trial in trials}
    for trial in trials:
        if trial.state == TrialState.RUNNING:
            study.tell(trial.number, state=TrialState.FAIL)
        elif trial.state != TrialState.FAIL or "failure" in trial.user_attrs or trial.number in taken_over:
            continue
        of_grid = {name: trial.system_attrs[name] for name in _GRID if name in trial.system_attrs}
        study.add_trial(
            optuna.create_trial(
                state=TrialState.WAITING,
                params=trial.params,
                distributions=trial.distributions,
                user_attrs={_IN_PLACE_OF: trial.number},
                system_attrs={"fixed_params": trial.params, **of_grid},
            )
        )
