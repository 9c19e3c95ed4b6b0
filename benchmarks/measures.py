"""What was measured: figures of several rounds, their median and spread."""

from collections import defaultdict
from statistics import median
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Measure(NamedTuple):
    """A figure over all rounds, as the results hold it."""

    median: float
    min: float
    max: float
    unit: str


class Measures:
    """Figures by name, in the order in which they came up; one more of a name is another round's."""

    def __init__(self) -> None:
        self._figures: dict[str, list[float]] = defaultdict(list)
        self._units: dict[str, str] = {}
        self._of_this_round: dict[str, float] = {}

    def begin_round(self) -> None:
        """Begin another round: what is compared from here on has been measured side by side."""
        self._of_this_round.clear()

    def add(self, name: str, figure: float, unit: str) -> None:
        """Add a round's figure."""
        if self._units.setdefault(name, unit) != unit:
            raise ValueError(f"{name} is measured in {self._units[name]}, not in {unit}.")
        self._figures[name].append(figure)
        self._of_this_round[name] = figure

    def of_this_round(self, name: str) -> float | None:
        """Return this round's figure; None where there is none."""
        return self._of_this_round.get(name)

    def by_name(self) -> dict[str, Measure]:
        """Return every measure over all rounds so far."""
        return {
            name: Measure(median(figures), min(figures), max(figures), self._units[name])
            for name, figures in self._figures.items()
        }


def percentile(figures: NDArray[np.float64], share: float) -> float:
    """Return the smallest figure that at least `share` of all figures do not exceed: one that was measured."""
    return float(np.quantile(figures, share, method="inverted_cdf"))
