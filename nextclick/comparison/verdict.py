"""What a comparison comes to, in one word for a machine and one sentence for a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from models.evaluation.bootstrap import Difference
from nextclick.comparison.disagreement import Disagreement
from nextclick.comparison.figures import LEAST_CLICKS, LEAST_USERS, ClickFigures
from nextclick.comparison.holm import holm_adjusted
from nextclick.comparison.measures import Measure

# Of being wrong about any challenger, where in truth there is no difference.
SIGNIFICANCE_LEVEL = 0.05


class Finding(StrEnum):
    """What can be said of a challenger."""

    BETTER = "better"
    WORSE = "worse"
    UNCLEAR = "unclear"
    SAME = "same"
    TOO_FEW = "too_few"


@dataclass(frozen=True)
class Verdict:
    """What can be said of a challenger by the plan's measure.

    Attributes:
        column: The challenger's.
        measure: The plan's.
        finding: In a word.
        difference: To the reference.
        adjusted_p: Its p-value by Holm, for all challengers together.
    """

    column: int
    measure: Measure
    finding: Finding
    difference: Difference
    adjusted_p: float

    @property
    def is_clear(self) -> bool:
        """Whether the models differ by more than chance explains."""
        return self.finding in {Finding.BETTER, Finding.WORSE}


def verdicts_of(whole: ClickFigures, disagreements: Sequence[Disagreement], measure: Measure) -> tuple[Verdict, ...]:
    """Judge each challenger."""
    differences = [whole.differences[one.column, measure] for one in disagreements]
    adjusted = holm_adjusted([difference.p_value for difference in differences])
    return tuple(
        Verdict(one.column, measure, _finding(whole, one, difference, p_value), difference, p_value)
        for one, difference, p_value in zip(disagreements, differences, adjusted, strict=True)
    )


def _finding(whole: ClickFigures, disagreement: Disagreement, difference: Difference, adjusted_p: float) -> Finding:
    if disagreement.is_same:
        return Finding.SAME
    if whole.is_too_small:
        return Finding.TOO_FEW
    if adjusted_p >= SIGNIFICANCE_LEVEL:
        return Finding.UNCLEAR
    return Finding.BETTER if difference.value > 0 else Finding.WORSE


def sentence(verdict: Verdict, challenger: str, reference: str, whole: ClickFigures, list_length: int) -> str:
    """Return the verdict for a person."""
    on = f"on {whole.clicks:,} clicks of {whole.users:,} users"
    if verdict.finding is Finding.SAME:
        return f"{challenger} and {reference} put every clicked item on the same rank, {on}."
    figure = f"{verdict.measure}@{list_length} {points(verdict.difference.value)} points"
    interval = f"95 % interval {points(verdict.difference.low)} to {points(verdict.difference.high)}"
    match verdict.finding:
        case Finding.TOO_FEW:
            return (
                f"Too few clicks to tell {challenger} from {reference}: {on.removeprefix('on ')}; "
                f"{LEAST_CLICKS} and {LEAST_USERS} are the least."
            )
        case Finding.UNCLEAR:
            said = f"No difference between {challenger} and {reference} can be seen"
        case _:
            said = f"{challenger} {_does_it(verdict)} than {reference}"
    return f"{said}: {figure} ({interval}) {on}."


def points(share: float) -> str:
    """Return a difference of shares in points, signed, a minus that lines up with the plus."""
    text = f"{100 * share:+.2f}"
    return text.replace("-", "\N{MINUS SIGN}") if float(text) else "0.00"


def percent(share: float) -> str:
    """Return a share in percent, without the sign."""
    return f"{100 * share:.2f}"


def _does_it(verdict: Verdict) -> str:
    is_better = verdict.finding is Finding.BETTER
    if verdict.measure is Measure.HIT_RATE:
        return "finds the next click more often" if is_better else "finds the next click less often"
    return "puts the next click higher" if is_better else "puts the next click lower"
