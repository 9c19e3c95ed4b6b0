"""Which clicks live counts are fitted by, and by whom they are judged."""

import polars as pl
import pytest
from msgspec.structs import replace

from models.counts.recipe import CountsRecipe
from models.errors import DataError
from models.preparation.prepared_data import Description, PreparedData
from models.session_rule import SessionRule
from models.training.config import LiveCountsSection, TrainingConfig
from models.training.counts_fitting import fit_by_validation, judge_config, require_questions
from models.training.run import train
from tests.factories import make_click_table
from tests.models.training.test_run import make_config, make_data


def make_histories(users: int) -> PreparedData:
    """Users who never stop, five clicks each on seven items in a circle, the last of them for the test."""
    rows = [
        (f"u{user}", "abcdefg"[(user + step) % 7], user * 100_000 + step * 1_000)
        for user in range(users)
        for step in range(5)
    ]
    clicks = make_click_table(rows).with_columns(last=pl.int_range(pl.len()).over("user_id") == 4)
    train_clicks, test_clicks = (clicks.filter(side).drop("last") for side in (~pl.col("last"), pl.col("last")))
    description = Description(
        "histories", SessionRule(by_id=False), "leave-last-out", exclude_seen=False, cleaning=(), protocol="last-click"
    )
    return PreparedData(description, train_clicks, test_clicks, None)


def test_a_judge_has_a_validation_period() -> None:
    """The configuration's own, or that of [live_counts]; everything else is as configured."""
    own = make_config(share=0.3)
    assert judge_config(own) == own
    whole = replace(make_config(), live_counts=LiveCountsSection(fit=True, validation_share=0.2))
    assert judge_config(whole) == replace(whole, validation=replace(whole.validation, share=0.2))


def test_each_user_is_asked_for_his_last_click_after_all_before_it() -> None:
    """Leave-last-out: one validation click of each of 120 users, his history before it."""
    data = make_histories(120)
    config = replace(make_config(share=0.1, epochs=1), live_counts=LiveCountsSection(fit=True))
    require_questions(data, config)
    fit = fit_by_validation(train(data, config), data, most_questions=1_000, delay_ms=0, start=CountsRecipe())
    assert fit.questions == 120


def test_a_judge_that_has_learned_everything_is_refused() -> None:
    """And so is a validation period that leaves nothing to learn, or nothing to ask."""
    judge = train(make_data(), make_config(epochs=1))
    with pytest.raises(DataError, match="learned all of the training period, nothing is left to fit counts by"):
        fit_by_validation(judge, make_data(), most_questions=1_000, delay_ms=0, start=CountsRecipe())
    with pytest.raises(DataError, match="30 validation clicks are too few"):
        require_questions(make_data(), TrainingConfig())
    hour = 3_600_000
    crossing = [
        (user, item, place * hour) for place, (user, item) in enumerate([*zip("uvwwvu", "abcabc", strict=True)])
    ]
    data = PreparedData(make_data().description, make_click_table(crossing), make_click_table([]), None)
    with pytest.raises(DataError, match="No click is left before the validation period"):
        require_questions(data, TrainingConfig())
