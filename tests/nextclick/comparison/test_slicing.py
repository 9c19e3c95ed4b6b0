"""Slices are what their words say, and each family adds up to the whole."""

import numpy as np
import pytest

from nextclick.comparison.comparing import Comparison, compare
from nextclick.comparison.figures import LEAST_CLICKS, Plan
from nextclick.comparison.pairing import PairedClicks, pair
from nextclick.comparison.slicing import SliceFamily, by_age, by_history, by_knowledge, by_popularity, by_strategy
from nextclick.comparison.time_slices import by_hour, by_time
from tests.nextclick.comparison.made import make_models, make_outcomes

PLAN = Plan(resamples=300)


def paired_of(**fields: object) -> PairedClicks:
    """Pair a model with itself."""
    model = make_outcomes(ranks=[1] * len(next(iter(fields.values()))), **fields)  # type: ignore[arg-type]
    return pair([model, model])


def labelled(family: SliceFamily) -> list[str]:
    """Return the slice of each click."""
    return [family.labels[number] for number in family.index]


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return compare(make_models(), PLAN)


def test_history_lengths() -> None:
    lengths = [1, 2, 4, 5, 9, 10, 19, 20, 700]
    expected = ["1", "2-4", "2-4", "5-9", "5-9", "10-19", "10-19", "20+", "20+"]
    assert labelled(by_history(paired_of(history=lengths))) == expected
    assert by_history(paired_of(history=[3, 30])).labels == ("2-4", "20+")


def test_new_users() -> None:
    """From a user's own first click on, late ones included."""
    paired = paired_of(users=["ann", "bob", "ann", "ann", "ann"], minutes=[5, 90, 64.9, 66, 6 + 24 * 60])
    expected = ["first judged click"] * 2 + ["within the hour after", "within the day after", "later"]
    assert labelled(by_age(paired)) == expected


def test_head_middle_and_tail() -> None:
    """Of twenty clicks: ten on the first item, eight on two others, one each on two."""
    items = ["hit"] * 10 + ["b"] * 4 + ["c"] * 4 + ["y", "z"]
    family = by_popularity(paired_of(items=items))
    assert family.labels == ("head (1 item)", "middle (2 items)", "tail (2 items)")
    assert family.index.tolist() == [0] * 10 + [1] * 8 + [2] * 2


def test_items_that_models_know() -> None:
    models = [
        make_outcomes("a", [1, 1, 0], known=["item-0", "item-1"]),
        make_outcomes("b", [1, 0, 0], known=["item-0"]),
    ]
    family = by_knowledge(pair(models), models)
    assert labelled(family) == ["known to all", "known to some", "known to none"]


def test_strategies_are_those_of_the_references_list() -> None:
    mine, theirs = make_outcomes("a", [1, 1], strategies=["popular", "personal"]), make_outcomes("b", [1, 1])
    assert labelled(by_strategy(pair([mine, theirs]))) == ["popular", "personal"]


def test_hours_are_of_the_day() -> None:
    """The clicks begin at midnight, UTC."""
    family = by_hour(paired_of(minutes=[0, 59.9, 60, 24 * 60 + 30]))
    assert labelled(family) == ["00:00", "00:00", "01:00", "00:00"]
    assert family.positions == (0, 1)


def test_the_time_line_is_cut_into_dozens() -> None:
    """A day into half hours; one click of a month later is beside the line, not the width's measure."""
    minutes = [*np.linspace(0, 24 * 60 - 1, 500).tolist(), 30 * 24 * 60]
    family = by_time(paired_of(minutes=minutes))
    assert family.explanation.startswith("Slices of 30 minutes")
    assert len(family.labels) == 48 + 1
    assert family.labels[-1] == "later"
    assert family.positions[-1] is None
    assert family.labels[1] == "2024-05-01 00:30"


def test_every_family_adds_up_to_the_whole(comparison: Comparison) -> None:
    """Clicks, and each figure as the mean of those of the slices, weighted by clicks."""
    whole = comparison.whole
    assert {one.family.key for one in comparison.families} == {
        *("history_length", "user_age", "item_popularity", "item_known", "strategy", "hour", "time")
    }
    for compared in comparison.families:
        assert len(compared.figures) == len(compared.family.labels) > 1
        assert sum(one.clicks for one in compared.figures) == whole.clicks
        assert np.bincount(compared.family.index).tolist() == [one.clicks for one in compared.figures]
        mean = sum(one.values * one.clicks for one in compared.figures) / whole.clicks
        np.testing.assert_allclose(mean, whole.values, rtol=1e-12)


def test_small_slices_claim_nothing(comparison: Comparison) -> None:
    figures = [one for compared in comparison.families for one in compared.figures]
    small = [one for one in figures if one.clicks < LEAST_CLICKS]
    assert small
    assert all(one.is_too_small and not one.differences for one in small)
    assert all(one.differences for one in figures if not one.is_too_small)
