"""Verdicts, where models part, and what casts doubt on a comparison."""

import pytest

from nextclick.comparison.comparing import compare
from nextclick.comparison.disagreement import disagreement_of
from nextclick.comparison.extremes import extreme_slices
from nextclick.comparison.figures import Plan
from nextclick.comparison.measures import Measure
from nextclick.comparison.notes import doubts_of
from nextclick.comparison.pairing import ModelOutcomes, pair
from nextclick.comparison.verdict import Finding, points, sentence
from tests.click_tables import MAY_2024_MS
from tests.nextclick.comparison.made import make_models, make_outcomes

PLAN = Plan(resamples=400)


def renamed(model: ModelOutcomes, name: str) -> ModelOutcomes:
    return ModelOutcomes(name, model.outcomes, model.list_length, model.item_ids)


def said_of(models: list[ModelOutcomes], plan: Plan = PLAN) -> list[str]:
    """Return the sentence of each verdict."""
    found = compare(models, plan)
    names = [model.name for model in found.models]
    return [sentence(one, names[one.column], names[0], found.whole, found.list_length) for one in found.verdicts]


def test_the_same_model_twice_differs_by_exactly_nothing() -> None:
    """In every slice, every measure, both ends of every interval."""
    reference, _ = make_models()
    found = compare([reference, renamed(reference, "copy")], PLAN)
    for figures in (found.whole, *(one for compared in found.families for one in compared.figures)):
        for measure in Measure if not figures.is_too_small else ():
            difference = figures.differences[1, measure]
            assert (difference.value, difference.low, difference.high, difference.p_value) == (0, 0, 0, 1)
    assert found.verdicts[0].finding is Finding.SAME
    assert found.disagreements[0].gained == found.disagreements[0].lost == ()


def test_a_better_model_is_called_better_and_the_other_way_round() -> None:
    reference, challenger = make_models()
    assert compare([reference, challenger], PLAN).verdicts[0].finding is Finding.BETTER
    assert compare([challenger, reference], PLAN).verdicts[0].finding is Finding.WORSE
    (said,) = said_of([reference, challenger])
    assert said.startswith("new finds the next click more often than today: HitRate@10 +")
    assert said.endswith(" users.")
    (said,) = said_of([challenger, reference], Plan(Measure.MRR, resamples=400))
    assert said.startswith("today puts the next click lower than new: MRR@10 \N{MINUS SIGN}")


def test_chance_is_called_chance() -> None:
    """Two models that find as many of the clicks, but others."""
    ranks = [[1, 0] * 200, [0, 1] * 200]
    users = [f"user-{number // 2}" for number in range(400)]
    models = [make_outcomes(name, one, users=users) for name, one in zip("ab", ranks, strict=True)]
    assert said_of(models)[0].startswith("No difference between b and a can be seen: HitRate@10 0.00 points (95 % ")


def test_few_clicks_are_no_verdict() -> None:
    models = [make_outcomes("a", [0] * 99), make_outcomes("b", [1] * 99)]
    assert said_of(models) == ["Too few clicks to tell b from a: 99 clicks of 99 users; 100 and 30 are the least."]


def test_many_challengers_make_a_verdict_harder() -> None:
    """The p-value of one in four is at most four times what it was alone, never less."""
    reference, challenger = make_models(better=0.006)
    (alone,) = compare([reference, challenger], PLAN).verdicts
    others = [renamed(reference, f"copy {number}") for number in range(3)]
    *_, among = compare([reference, *others, challenger], PLAN).verdicts
    assert among.difference == alone.difference
    assert among.adjusted_p == pytest.approx(min(1, 4 * alone.adjusted_p))


def test_where_two_models_part() -> None:
    """Both, only one, neither; ranks of those that both had; and items that enough people clicked."""
    items = ["up"] * 40 + ["down"] * 35 + ["rare"] * 5
    reference = make_outcomes("a", [0] * 30 + [2] * 10 + [1] * 35 + [0] * 5, items=items)
    challenger = make_outcomes("b", [1] * 30 + [1] * 10 + [0] * 20 + [3] * 15 + [1] * 5, items=items)
    found = disagreement_of(pair([reference, challenger]), 1)
    assert (found.both, found.only_reference, found.only_challenger, found.neither) == (25, 20, 35, 0)
    assert (found.higher, found.lower) == (10, 15)
    assert [(one.item_id, one.clicks, one.users, one.gain) for one in found.gained] == [("up", 40, 40, 30)]
    assert [(one.item_id, one.reference_hits, one.challenger_hits) for one in found.lost] == [("down", 35, 15)]


def test_an_item_of_one_person_is_nobodys_gain() -> None:
    reference, challenger = (
        make_outcomes(name, [rank] * 50, items=["x"] * 50, users=["ann"] * 50) for name, rank in (("a", 0), ("b", 1))
    )
    assert disagreement_of(pair([reference, challenger]), 1).gained == ()


def test_the_best_and_the_worst_slice() -> None:
    """Of hours with enough clicks: gained at 00, lost at 02, and nothing in between."""
    minutes = [hour * 60 + number / 3 for hour in range(3) for number in range(150)]
    reference = make_outcomes("a", [0] * 150 + [1] * 300, minutes=minutes)
    challenger = make_outcomes("b", [1] * 300 + [0] * 150, minutes=minutes)
    (hours,) = (one for one in compare([reference, challenger], PLAN).families if one.family.key == "hour")
    assert extreme_slices(hours, 1, Measure.HIT_RATE) == (("00:00", 1.0), ("02:00", -1.0))
    (hours,) = (one for one in compare([reference, renamed(reference, "c")], PLAN).families if one.family.key == "hour")
    assert extreme_slices(hours, 1, Measure.HIT_RATE) == (None, None)


def test_what_casts_doubt_is_said() -> None:
    """Training clicks, clicks and ranks left out, and a gain that one item made."""
    items = ["star"] * 60 + ["other"] * 90
    reference = make_outcomes("a", [0] * 150, items=items, trained_until_ms=MAY_2024_MS + 29 * 60_000)
    challenger = make_outcomes("b", [1] * 60 + [0] * 80 + [1] * 10, items=items, list_length=20)
    shorter = ModelOutcomes("b", challenger.outcomes.head(149), 20)
    doubts = " ".join(doubts_of(compare([reference, shorter], PLAN)))
    assert "20.1% of these clicks are from the time that a was trained on" in doubts
    assert "Left out, because another model had no list for them: 1 of a's 150 clicks." in doubts
    assert "The lists of b were cut to 10" in doubts
    assert "b against a: +69 clicks found in all, +60 of one item, star, and +9 of all others." in doubts
    assert doubts_of(compare(make_models(), PLAN)) == []


@pytest.mark.parametrize(("share", "said"), [(0.0123, "+1.23"), (-0.5, "\N{MINUS SIGN}50.00"), (-1e-9, "0.00")])
def test_points_are_signed(share: float, said: str) -> None:
    assert points(share) == said
