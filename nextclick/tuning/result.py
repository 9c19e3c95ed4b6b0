"""What a search has found so far: its trials, best first."""

import msgspec
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from models.training.config import TrainingConfig
from nextclick.tuning.search_space import Point, SearchSpace


class TrialResult(msgspec.Struct, frozen=True):
    """One trial.

    Attributes:
        number: In the order in which they were begun, from 0.
        state: `complete`; `pruned`, ended early; or `failed`.
        value: Of the metric: the best epoch's, the mean over the seeds; of a pruned trial the last one before its end.
        values: A seed each; empty where the trial did not come to its end.
        epochs: The best epoch, a seed each.
        seconds: Wall clock.
        point: What was chosen.
        failure: Why it failed.
    """

    number: int
    state: str
    value: float | None
    values: tuple[float, ...]
    epochs: tuple[int, ...]
    seconds: float
    point: dict[str, float | int | str]
    failure: str | None = None


class TuningResult(msgspec.Struct, frozen=True):
    """A search so far.

    Attributes:
        dataset: The data set's name.
        metric: What was searched for, on the validation period.
        sampler: What chose the points.
        pruner: What ended trials early.
        trials: The complete ones, best first; then the others, in order.
        best: The configuration of the best; None while none is complete.
    """

    dataset: str
    metric: str
    sampler: str
    pruner: str
    trials: tuple[TrialResult, ...]
    best: TrainingConfig | None

    @property
    def complete(self) -> tuple[TrialResult, ...]:
        """The trials that came to their end, best first."""
        return tuple(trial for trial in self.trials if trial.state == "complete")


def result_of(study: Study, space: SearchSpace, dataset: str, sampler: str, pruner: str) -> TuningResult:
    """Sum up a study. A trial that was interrupted and is tried again is left out."""
    results = [_result(trial) for trial in study.get_trials(deepcopy=False) if _is_over(trial)]
    complete = sorted(
        (result for result in results if result.state == "complete"),
        key=lambda result: (-(result.value or 0), result.number),
    )
    others = [result for result in results if result.state != "complete"]
    best = space.config_at(complete[0].point) if complete else None
    metric = space.base.validation.metric
    return TuningResult(dataset, metric, sampler, pruner, (*complete, *others), best)


def shown(value: object) -> str:
    """Return a point's value for people: a choice without the quotes of its JSON, a number in four digits."""
    if isinstance(value, str):
        chosen = msgspec.json.decode(value)
        return chosen if isinstance(chosen, str) else value
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _is_over(trial: FrozenTrial) -> bool:
    return trial.state in (TrialState.COMPLETE, TrialState.PRUNED) or "failure" in trial.user_attrs


def _result(trial: FrozenTrial) -> TrialResult:
    names = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned"}
    told = trial.user_attrs
    point: Point = trial.params
    return TrialResult(
        number=trial.number,
        state=names.get(trial.state, "failed"),
        value=trial.value if trial.state != TrialState.FAIL else None,
        values=tuple(told.get("values", ())),
        epochs=tuple(told.get("epochs", ())),
        seconds=float(told.get("seconds", 0.0)),
        point=dict(point),
        failure=told.get("failure"),
    )
