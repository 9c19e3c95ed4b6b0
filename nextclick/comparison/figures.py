"""The figures of a set of clicks, and how far the models lie apart on it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.evaluation.bootstrap import Difference, mean_differences
from nextclick.comparison.measures import MEASURES, Measure
from nextclick.comparison.pairing import PairedClicks

# Fewer say nothing that would hold tomorrow: their differences are not shown.
LEAST_CLICKS = 100
LEAST_USERS = 30


@dataclass(frozen=True)
class Plan:
    """How a comparison is made.

    Attributes:
        measure: The one that verdicts and plots are of.
        resamples: Of the bootstrap.
        seed: Of its draws.
    """

    measure: Measure = Measure.HIT_RATE
    resamples: int = 2_000
    seed: int = 0


@dataclass(frozen=True)
class ClickFigures:
    """The figures of a set of clicks.

    Attributes:
        clicks: How many.
        users: Whose.
        values: Of each model and the popular list, by measure, (M + 1, 3).
        differences: To the reference, by column and measure; none where there are too few clicks or users.
    """

    clicks: int
    users: int
    values: NDArray[np.float64] = field(repr=False)
    differences: Mapping[tuple[int, Measure], Difference] = field(repr=False)

    @property
    def is_too_small(self) -> bool:
        """Whether there are too few clicks or users to say more than how many they are."""
        return self.clicks < LEAST_CLICKS or self.users < LEAST_USERS

    def value(self, column: int, measure: Measure) -> float:
        """Return a model's figure."""
        return float(self.values[column, MEASURES.index(measure)])


def figures_of(paired: PairedClicks, plan: Plan, chosen: NDArray[np.bool_] | None = None) -> ClickFigures:
    """Return the figures of some clicks.

    Args:
        paired: All clicks.
        plan: How differences are judged.
        chosen: Which of them, (N,); None: all, however few they are.
    """
    gains = paired.gains if chosen is None else paired.gains[chosen]
    user_index = paired.user_index if chosen is None else paired.user_index[chosen]
    figures = ClickFigures(len(user_index), len(np.unique(user_index)), gains.mean(axis=0), {})
    if chosen is not None and figures.is_too_small:
        return figures
    differences = (gains[:, 1:] - gains[:, :1]).reshape(len(gains), -1)  # (N, M * 3), measures fastest
    judged = mean_differences(user_index, differences, resamples=plan.resamples, seed=plan.seed)
    places = [(column, measure) for column in range(1, gains.shape[1]) for measure in MEASURES]
    return ClickFigures(figures.clicks, figures.users, figures.values, dict(zip(places, judged, strict=True)))
