"""The slices in which a challenger gains and loses most."""

from nextclick.comparison.comparing import ComparedFamily
from nextclick.comparison.measures import Measure
from nextclick.comparison.verdict import points

# A slice by its label, and its difference.
NamedDifference = tuple[str, float]


def extreme_slices(
    compared: ComparedFamily, column: int, measure: Measure
) -> tuple[NamedDifference | None, NamedDifference | None]:
    """Return the slice with the largest gain and the one with the largest loss, by label and difference.

    Slices that are too small have no say; None where nothing was gained, or nothing lost.
    """
    gains = [
        (label, figures.differences[column, measure].value)
        for label, figures in zip(compared.family.labels, compared.figures, strict=True)
        if (column, measure) in figures.differences
    ]
    best = max(gains, key=_gain, default=None)
    worst = min(gains, key=_gain, default=None)
    return best if best and _gain(best) > 0 else None, worst if worst and _gain(worst) < 0 else None


def extremes_text(best: NamedDifference | None, worst: NamedDifference | None) -> str:
    """Return them for a person, as the end of a sentence; nothing where there are none."""
    named = (("gains most", best), ("loses most", worst))
    return " and ".join(f"{word} at {one[0]} ({points(one[1])})" for word, one in named if one)


def _gain(one: NamedDifference) -> float:
    return one[1]
