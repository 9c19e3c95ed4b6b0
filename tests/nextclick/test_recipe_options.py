from datetime import UTC, datetime
from typing import Literal

import pytest

from models.datasets.dataset import Recipe
from models.errors import SettingsError
from models.preparation.cleaning import Cleaning
from models.preparation.cuts import CutAt, CutAtShare
from models.session_rule import SessionRule
from nextclick.recipe_options import RecipeOptions

OWN = Recipe(SessionRule(by_id=True), CutAtShare(0.8, of="sessions"), Cleaning(min_item_clicks=3, duplicates=False))
MAY_1_MS = int(datetime(2024, 5, 1, tzinfo=UTC).timestamp()) * 1000


def test_nothing_given_changes_nothing() -> None:
    """Every option that is not given is the data set's own."""
    assert not RecipeOptions().given
    assert RecipeOptions().change(OWN) == OWN


def test_given_steps_replace_the_data_sets_own() -> None:
    """False and 1 are given too: they switch a step off."""
    options = RecipeOptions(min_item_clicks=1, duplicates=True, impossible_timestamps=False, immediate_repeats=True)
    assert options.given
    assert options.change(OWN).cleaning == Cleaning(
        impossible_timestamps=False, duplicates=True, immediate_repeats=True, min_item_clicks=1, min_session_clicks=2
    )


@pytest.mark.parametrize("sessions", ["id", "never"])
def test_a_gap_for_sessions_that_end_by_none_is_refused(sessions: Literal["id", "never"]) -> None:
    """It would be passed over in silence."""
    with pytest.raises(SettingsError, match=f"--session-gap-minutes has no meaning with --sessions {sessions}"):
        RecipeOptions(sessions=sessions, session_gap_minutes=10).change(OWN)


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        (RecipeOptions(sessions="id"), SessionRule(by_id=True)),
        (RecipeOptions(sessions="gap"), SessionRule(by_id=False, gap_ms=1_800_000)),
        (RecipeOptions(sessions="gap", session_gap_minutes=0.5), SessionRule(by_id=False, gap_ms=30_000)),
        (RecipeOptions(sessions="gap", session_gap_minutes=0), SessionRule(by_id=False, gap_ms=0)),
        (RecipeOptions(sessions="id-or-gap"), SessionRule(by_id=True, gap_ms=1_800_000)),
        (RecipeOptions(session_gap_minutes=1), SessionRule(by_id=True, gap_ms=60_000)),
        (RecipeOptions(sessions="never"), SessionRule(by_id=False)),
    ],
)
def test_what_ends_a_session(options: RecipeOptions, rule: SessionRule) -> None:
    """A gap is half an hour unless it is given; a gap alone is added to the data set's own rule."""
    assert options.change(OWN).session_rule == rule


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("0.9", CutAtShare(0.9)),
        ("2024-05-01", CutAt(MAY_1_MS)),
        ("2024-05-01T02:00:00+02:00", CutAt(MAY_1_MS)),
    ],
)
def test_cut_is_a_share_or_a_moment(text: str, cut: CutAt | CutAtShare) -> None:
    """A date without a zone is UTC."""
    assert RecipeOptions(cut=text).change(OWN).cut == cut


@pytest.mark.parametrize("text", ["1.5", "0", "nan", "May"])
def test_cut_that_is_neither_is_an_error(text: str) -> None:
    """The message shows both forms."""
    with pytest.raises(SettingsError, match=rf"--cut {text}: .*2024-05-01"):
        RecipeOptions(cut=text).change(OWN)
