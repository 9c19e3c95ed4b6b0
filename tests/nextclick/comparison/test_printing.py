"""The table of a terminal keeps every number, however narrow it is and whatever things are called."""

import io

import pytest
from rich.console import Console

from nextclick.comparison.comparing import Comparison, compare
from nextclick.comparison.figures import Plan
from nextclick.comparison.pairing import ModelOutcomes
from nextclick.comparison.printing import print_comparison
from nextclick.comparison.verdict import points
from tests.nextclick.comparison.made import make_models, make_outcomes

LONG_NAME = "experiments/2024-05-01-with-a-rather-long-name/model"
PLAN = Plan(resamples=300)


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    reference, challenger = make_models()
    return compare([reference, ModelOutcomes(LONG_NAME, challenger.outcomes, 10)], PLAN)


def printed(comparison: Comparison, width: int) -> str:
    """Return what a terminal of this width shows."""
    file = io.StringIO()
    print_comparison(Console(file=file, width=width, highlight=False, soft_wrap=True), comparison)
    return file.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_every_number_is_there(comparison: Comparison, width: int) -> None:
    """80 columns are what a log file has; wider ones also say how many users a slice is of."""
    said = printed(comparison, width)
    assert "\N{HORIZONTAL ELLIPSIS}" not in said
    for difference in comparison.whole.differences.values():
        assert f"{points(difference.low)} to {points(difference.high)}" in said
    shown = [one for compared in comparison.families[:5] for one in compared.figures]
    for figures in shown:
        if figures.is_too_small:
            continue
        difference = figures.differences[1, PLAN.measure]
        assert f"{points(difference.value)} [{points(difference.low)}, {points(difference.high)}]" in said
    assert any(one.is_too_small for one in shown) == ("too small" in said)
    assert ("  users  " in said) == (width == 120)
    assert f"{LONG_NAME} against today: HitRate@10, %" in said


def test_nothing_of_a_record_moves_the_cursor() -> None:
    items = ["\x1b[2Jitem"] * 200
    models = [make_outcomes("a", [0] * 200, items=items), make_outcomes("b", [1] * 200, items=items)]
    said = printed(compare(models, PLAN), 80)
    assert "\x1b" not in said
    assert r"b gains most at \x1b[2Jitem (0 -> 200 of 200 clicks)." in said
    assert r"+200 of one item, \x1b[2Jitem, and 0 of all others" in said
