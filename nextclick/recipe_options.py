"""The options of `nextclick data prepare` that change how a log is cleaned, cut into sessions and split."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal, TypeVar

from models.datasets.dataset import Recipe
from models.errors import SettingsError
from models.preparation.cleaning import Cleaning
from models.preparation.cuts import Cut, CutAt, CutAtShare
from models.preparation.preparing import SESSION_GAP_MS
from models.session_rule import SessionRule

MS_PER_MINUTE = 60_000
Option = TypeVar("Option", int, bool)


@dataclass(frozen=True)
class RecipeOptions:
    """What the user has set; None: as the data set has it."""

    sessions: Literal["id", "gap", "id-or-gap", "never"] | None = None
    session_gap_minutes: float | None = None
    cut: str | None = None
    min_item_clicks: int | None = None
    min_session_clicks: int | None = None
    immediate_repeats: bool | None = None
    duplicates: bool | None = None
    impossible_timestamps: bool | None = None

    @property
    def given(self) -> bool:
        """Whether anything is set."""
        return self != RecipeOptions()

    def change(self, recipe: Recipe) -> Recipe:
        """Return the recipe with what the user has set.

        Raises:
            SettingsError: If `cut` is neither a date nor a share, or a gap is given to sessions that have none.
        """
        if self.session_gap_minutes is not None and self.sessions in {"id", "never"}:
            raise SettingsError(
                f"--session-gap-minutes has no meaning with --sessions {self.sessions}: sessions end by a gap with "
                "`gap` and with `id-or-gap`."
            )
        return replace(
            recipe,
            session_rule=self._session_rule(recipe.session_rule),
            cut=self._cut(recipe.cut),
            cleaning=self._cleaning(recipe.cleaning),
        )

    def _session_rule(self, own: SessionRule) -> SessionRule:
        gap_ms = None if self.session_gap_minutes is None else round(self.session_gap_minutes * MS_PER_MINUTE)
        match self.sessions:
            case None:
                return own if gap_ms is None else SessionRule(by_id=own.by_id, gap_ms=gap_ms)
            case "id":
                return SessionRule(by_id=True)
            case "gap":
                return SessionRule(by_id=False, gap_ms=_first(gap_ms, SESSION_GAP_MS))
            case "id-or-gap":
                return SessionRule(by_id=True, gap_ms=_first(gap_ms, SESSION_GAP_MS))
            case "never":
                return SessionRule(by_id=False)

    def _cut(self, own: Cut) -> Cut:
        if self.cut is None:
            return own
        try:
            share = float(self.cut)
        except ValueError:
            return CutAt(_moment(self.cut))
        if not 0 < share < 1:
            raise SettingsError(f"--cut {self.cut}: a share lies between 0 and 1; a date looks like 2024-05-01.")
        return CutAtShare(share)

    def _cleaning(self, own: Cleaning) -> Cleaning:
        return Cleaning(
            impossible_timestamps=_first(self.impossible_timestamps, own.impossible_timestamps),
            duplicates=_first(self.duplicates, own.duplicates),
            immediate_repeats=_first(self.immediate_repeats, own.immediate_repeats),
            min_item_clicks=_first(self.min_item_clicks, own.min_item_clicks),
            min_session_clicks=_first(self.min_session_clicks, own.min_session_clicks),
        )


def _first(given: Option | None, own: Option) -> Option:
    return own if given is None else given


def _moment(text: str) -> int:
    """Return milliseconds since 1970; a time that names no zone is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise SettingsError(f"--cut {text}: that is neither a date like 2024-05-01 nor a share like 0.9.") from error
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
