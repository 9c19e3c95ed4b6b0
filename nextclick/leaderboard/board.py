"""The table itself: rows for a machine, and lines of models for a person."""

from collections.abc import Sequence

import msgspec
import numpy as np

from models.evaluation.bootstrap import Difference, mean_differences
from models.evaluation.metric_intervals import Interval
from models.evaluation.metrics import gains_of
from nextclick.leaderboard.configuration import DatasetSection, Entry, LeaderboardConfig, Published
from nextclick.leaderboard.keys import digest
from nextclick.leaderboard.results import Measured
from nextclick.leaderboard.run import Outcome

# What models that predict ratings are ordered by: the lowest is best.
RATING_HEADLINE = ("RMSE", "MAE")


class Missing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An entry of the configuration that has no row, and why: it failed, or has not been its turn yet."""

    entry: str
    reason: str


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
    missing: tuple[Missing, ...]


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
        headline: Two of the figures: lines are ordered by the first.
        seeds: Of the trainings that the figures are the mean of.
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
    headline: tuple[str, str]
    seeds: tuple[int, ...]
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
        return self.headline[0]

    @property
    def rates(self) -> bool:
        """Whether it predicts ratings, and ranks nothing."""
        return self.headline == RATING_HEADLINE

    @property
    def order(self) -> tuple[bool, float]:
        """Sorts those that rank before those that rate, the best line first."""
        value = self.figures[self.leading].value
        return self.rates, value if self.rates else -value


class Leaderboard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that was measured: what `leaderboard.json` holds.

    Attributes:
        head: How it came about.
        datasets: What is to be known of the data sets.
        rows: Every figure by itself.
        lines: The models of each data set, the best first.
        published: What others report on the same data sets.
    """

    head: Head
    datasets: tuple[DatasetSection, ...]
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
        missing=(
            *(Missing(str(entry), reason) for entry, reason in outcome.failures),
            *(Missing(str(entry), "not yet") for entry in outcome.missing),
        ),
    )
    rows = tuple(
        Row(entry.dataset, entry.name, entry.seed, metric, interval.value, interval.low, interval.high)
        for entry, measured in outcome.measured
        for metric, interval in measured.result.figures.items()
    )
    datasets = dict.fromkeys(entry.dataset for entry, _ in outcome.measured)
    lines = [line for dataset in datasets for line in _lines_of(dataset, outcome, config)]
    return Leaderboard(
        head=head,
        datasets=tuple(config.described(dataset) for dataset in datasets),
        rows=rows,
        lines=tuple(lines),
        published=tuple(one for one in config.published if one.dataset in datasets),
    )


Seeds = Sequence[tuple[Entry, Measured]]


def _lines_of(dataset: str, outcome: Outcome, config: LeaderboardConfig) -> list[Line]:
    """Return a data set's models, those that rank before those that rate, the best first."""
    by_name: dict[str, list[tuple[Entry, Measured]]] = {}
    for entry, measured in outcome.measured:
        if entry.dataset == dataset:
            by_name.setdefault(entry.name, []).append((entry, measured))
    headline = config.described(dataset).headline
    lines = sorted((_line(seeds, headline) for seeds in by_name.values()), key=lambda line: line.order)
    best = by_name[lines[0].model][0][1]
    return [
        msgspec.structs.replace(line, behind=_behind(by_name[line.model][0][1], best, line.leading, config))
        for line in lines
    ]


def _line(seeds: Seeds, headline: tuple[str, str]) -> Line:
    entry, first = seeds[0]
    results = [measured.result for _, measured in seeds]
    line = Line(
        dataset=entry.dataset,
        model=entry.name,
        kind=first.result.kind,
        headline=RATING_HEADLINE if first.ranks is None else headline,
        seeds=tuple(entry.seed for entry, _ in seeds),
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


def _behind(measured: Measured, best: Measured, leading: str, config: LeaderboardConfig) -> Difference | None:
    """Return what the model's lists are worth more than the best one's, click by click: nothing or less."""
    if measured is best or measured.ranks is None or best.ranks is None:
        return None
    measure, cutoff = leading.split("@")
    own, other = (gains_of(one.ranks, (int(cutoff),))[measure] for one in (measured.ranks, best.ranks))
    (difference,) = mean_differences(
        measured.ranks.session, own - other, resamples=config.resamples, seed=config.bootstrap_seed
    )
    return difference
