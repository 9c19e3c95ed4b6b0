"""The comparison: outcomes of several models in, everything that a report says out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from nextclick.comparison.disagreement import Disagreement, disagreement_of
from nextclick.comparison.figures import ClickFigures, Plan, figures_of
from nextclick.comparison.pairing import ModelOutcomes, PairedClicks, pair
from nextclick.comparison.slicing import (
    SliceFamily,
    by_age,
    by_history,
    by_knowledge,
    by_popularity,
    by_strategy,
)
from nextclick.comparison.time_slices import by_hour, by_time
from nextclick.comparison.verdict import Verdict, verdicts_of

# Told how many slices are done, and of how many.
OnSlice = Callable[[int, int], None]


@dataclass(frozen=True)
class ComparedFamily:
    """A family of slices with their figures, in the order of its labels."""

    family: SliceFamily
    figures: tuple[ClickFigures, ...]


@dataclass(frozen=True)
class ComparedModel:
    """What the clicks say of a model beside its figures.

    Attributes:
        name: What people call it.
        list_length: K of its own lists.
        opportunities: Clicks for which it had a list ready.
        seen_share: Share of the compared clicks that are not newer than its training data; None where nobody knows.
        live_counts: Which counts of everyone's clicks it was ranked with, in words; None where it is served without.
    """

    name: str
    list_length: int
    opportunities: int
    seen_share: float | None
    live_counts: str | None


@dataclass(frozen=True)
class Comparison:
    """Models on the same clicks, the first one as the reference.

    Attributes:
        models: In the order in which they were named.
        plan: How differences were judged.
        list_length: K that all were cut to.
        first_timestamp_ms: Of the compared clicks, by event time.
        last_timestamp_ms: Likewise.
        whole: All compared clicks.
        verdicts: Of each challenger.
        families: The same clicks in slices.
        disagreements: Of each challenger with the reference.
    """

    models: tuple[ComparedModel, ...]
    plan: Plan
    list_length: int
    first_timestamp_ms: int
    last_timestamp_ms: int
    whole: ClickFigures
    verdicts: tuple[Verdict, ...]
    families: tuple[ComparedFamily, ...]
    disagreements: tuple[Disagreement, ...]

    @property
    def popular_column(self) -> int:
        """Where the popular list's figures stand."""
        return len(self.models)


def compare(models: Sequence[ModelOutcomes], plan: Plan, on_slice: OnSlice = lambda _done, _all: None) -> Comparison:
    """Compare models on the clicks for which each of them had a list ready.

    Args:
        models: Two or more; the first is the reference.
        plan: How differences are judged.
        on_slice: Told of the progress.

    Raises:
        DataError: If the outcomes cannot be paired.
    """
    paired = pair(models)
    at_ms = paired.clicks["timestamp_ms"]
    whole = figures_of(paired, plan)
    disagreements = tuple(disagreement_of(paired, column) for column in range(1, len(models)))
    return Comparison(
        models=tuple(_compared_model(model, paired) for model in models),
        plan=plan,
        list_length=paired.list_length,
        first_timestamp_ms=int(at_ms.to_numpy().min()),
        last_timestamp_ms=int(at_ms.to_numpy().max()),
        whole=whole,
        verdicts=verdicts_of(whole, disagreements, plan.measure),
        families=_sliced(paired, models, plan, on_slice),
        disagreements=disagreements,
    )


def _compared_model(model: ModelOutcomes, paired: PairedClicks) -> ComparedModel:
    seen = None
    if model.trained_until_ms is not None:
        seen = float((paired.clicks["timestamp_ms"].to_numpy() <= model.trained_until_ms).mean())
    return ComparedModel(model.name, model.list_length, model.outcomes.height, seen, model.live_counts)


def _sliced(
    paired: PairedClicks, models: Sequence[ModelOutcomes], plan: Plan, on_slice: OnSlice
) -> tuple[ComparedFamily, ...]:
    cuts = (by_history, by_age, by_popularity, partial(by_knowledge, models=models), by_strategy, by_hour, by_time)
    families = [cut(paired) for cut in cuts]
    total = sum(len(family.labels) for family in families)
    compared, done = [], 0
    for family in families:
        figures = []
        for number in range(len(family.labels)):
            figures.append(figures_of(paired, plan, family.index == number))
            done += 1
            on_slice(done, total)
        compared.append(ComparedFamily(family, tuple(figures)))
    return tuple(compared)
