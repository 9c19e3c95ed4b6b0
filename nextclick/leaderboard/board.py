"""The table itself: rows for a machine, and lines of models for a person."""

from collections.abc import Sequence

import msgspec
import numpy as np

from models.evaluation.bootstrap import Difference, mean_differences
from models.evaluation.metric_intervals import Interval
from models.evaluation.metrics import gains_of
from nextclick.leaderboard.configuration import Entry, LeaderboardConfig, Published
from nextclick.leaderboard.keys import digest
from nextclick.leaderboard.results import Measured
from nextclick.leaderboard.run import Outcome

# What models are ordered by: the first that a data set has. Of errors, the lowest is best.
LEADING = ("MRR@20", "RMSE")
LOWER_IS_BETTER = frozenset({"RMSE", "MAE"})


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the rows came about.

    Attributes:
        machines: Where models were trained, and artifacts and serving timed: one, or several where rows were taken over
            from a run elsewhere.
        first_day: When the oldest row was measured, in UTC, as 2026-01-31; empty without any row.
        last_day: When the newest was.
        config_digest: Of the configuration.
        resamples: Of the bootstrap.
        bootstrap_seed: Of its draws.
        missing: Entries of the configuration that have not been measured.
    """

    machines: tuple[str, ...]
    first_day: str
    last_day: str
    config_digest: str
    resamples: int
    bootstrap_seed: int
    missing: tuple[str, ...]


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One figure of one model trained with one seed on one data set; `low` and `high` are its 95 % interval."""

    dataset: str
    model: str
    seed: int
    metric: str
    value: float
    low: float
    high: float


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One model on one data set, its seeds together.

    Attributes:
        dataset: On which data.
        model: What the leaderboard calls it.
        kind: `lstm`, `session_knn`, ...
        seeds: How many trainings the figures are the mean of.
        figures: By name; value and interval are means over the seeds.
        spread: The leading figure's highest value less its lowest over the seeds; None with one seed.
        behind: How far the first seed lies behind the best model's by the leading figure, paired click by click;
            None for the best itself, and where predictions are not ranked.
        predictions: How many clicks, or ratings, were predicted.
        sessions: How many sessions, or users, they come from.
        tuned_on: What the settings were chosen by.
        model_ids: Of the artifacts.
    """

    dataset: str
    model: str
    kind: str
    seeds: int
    figures: dict[str, Interval]
    spread: float | None
    behind: Difference | None
    predictions: int
    sessions: int
    tuned_on: str
    model_ids: tuple[str, ...]

    @property
    def leading(self) -> str:
        """What the line is ordered by."""
        return next(name for name in LEADING if name in self.figures)

    @property
    def order(self) -> float:
        """Sorts the best line first."""
        value = self.figures[self.leading].value
        return value if self.leading in LOWER_IS_BETTER else -value


class Leaderboard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that was measured: what `leaderboard.json` holds.

    Attributes:
        head: How it came about.
        rows: Every figure by itself.
        lines: The models of each data set, the best first.
        published: What others report on the same data sets.
    """

    head: Head
    rows: tuple[Row, ...]
    lines: tuple[Line, ...]
    published: tuple[Published, ...]


def build_leaderboard(config: LeaderboardConfig, outcome: Outcome) -> Leaderboard:
    """Bring together what was measured."""
    days = [measured.result.day for _, measured in outcome.measured]
    head = Head(
        machines=tuple(dict.fromkeys(measured.result.machine for _, measured in outcome.measured)),
        first_day=min(days, default=""),
        last_day=max(days, default=""),
        config_digest=digest(config),
        resamples=config.resamples,
        bootstrap_seed=config.bootstrap_seed,
        missing=tuple(str(entry) for entry in (*outcome.missing, *(entry for entry, _ in outcome.failures))),
    )
    rows = tuple(
        Row(entry.dataset, entry.name, entry.seed, metric, interval.value, interval.low, interval.high)
        for entry, measured in outcome.measured
        for metric, interval in measured.result.figures.items()
    )
    datasets = dict.fromkeys(entry.dataset for entry, _ in outcome.measured)
    lines = [line for dataset in datasets for line in _lines_of(dataset, outcome, config)]
    return Leaderboard(head, rows, tuple(lines), tuple(one for one in config.published if one.dataset in datasets))


Seeds = Sequence[tuple[Entry, Measured]]


def _lines_of(dataset: str, outcome: Outcome, config: LeaderboardConfig) -> list[Line]:
    """Return a data set's models, those that rank before those that rate, the best first."""
    by_name: dict[str, list[tuple[Entry, Measured]]] = {}
    for entry, measured in outcome.measured:
        if entry.dataset == dataset:
            by_name.setdefault(entry.name, []).append((entry, measured))
    lines = sorted(
        (_line(seeds) for seeds in by_name.values()), key=lambda line: (LEADING.index(line.leading), line.order)
    )
    best = by_name[lines[0].model][0][1]
    return [msgspec.structs.replace(line, behind=_behind(by_name[line.model][0][1], best, config)) for line in lines]


def _line(seeds: Seeds) -> Line:
    entry, first = seeds[0]
    results = [measured.result for _, measured in seeds]
    line = Line(
        dataset=entry.dataset,
        model=entry.name,
        kind=first.result.kind,
        seeds=len(seeds),
        figures={name: _mean([result.figures[name] for result in results]) for name in first.result.figures},
        spread=None,
        behind=None,
        predictions=first.result.predictions,
        sessions=first.result.sessions,
        tuned_on=entry.tuned_on,
        model_ids=tuple(result.model_id for result in results if result.model_id is not None),
    )
    if len(seeds) == 1:
        return line
    values = [result.figures[line.leading].value for result in results]
    return msgspec.structs.replace(line, spread=max(values) - min(values))


def _mean(intervals: Sequence[Interval]) -> Interval:
    value, low, high = np.mean([(one.value, one.low, one.high) for one in intervals], axis=0).tolist()
    return Interval(value, low, high)


def _behind(measured: Measured, best: Measured, config: LeaderboardConfig) -> Difference | None:
    """Return what the model's lists are worth more than the best one's, click by click: nothing or less."""
    if measured is best or measured.ranks is None or best.ranks is None:
        return None
    own, other = (gains_of(one.ranks, (20,))["MRR"] for one in (measured.ranks, best.ranks))
    (difference,) = mean_differences(
        measured.ranks.session, own - other, resamples=config.resamples, seed=config.bootstrap_seed
    )
    return difference
