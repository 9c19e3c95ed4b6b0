"""The steps of a preparation, as a configuration names them.

    [[steps]]
    step = "sessions"
    by_id = false
    gap_ms = 1800000

    [[steps]]
    step = "split-share"
    share = 0.9

They are taken in order. A step that drops clicks or changes them looks at all clicks as long as there is no split, and
then at those that train, unless it says otherwise: the test has no say in what is rare, long or usual.
"""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from models.bounds import AtLeastOne, AtLeastZero, Positive, ProperFraction
from models.errors import SettingsError

NormalisationMethod = Literal["standard", "min-max", "log-standard"]


class _Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="step"):
    """A step by its name, `step`."""


class ImpossibleTimestamps(_Step, frozen=True, tag="impossible-timestamps"):
    """Drop clicks of negative times, times in seconds, and times in the future."""


class Duplicates(_Step, frozen=True, tag="duplicates"):
    """Drop clicks that equal an earlier one in every column."""


class Sessions(_Step, frozen=True, tag="sessions"):
    """Say which session each click belongs to, see `SessionRule`; with neither a user's whole history is one."""

    by_id: bool = True
    gap_ms: AtLeastZero | None = None


class ImmediateRepeats(_Step, frozen=True, tag="immediate-repeats"):
    """Drop clicks on the item that the session's previous click was on."""


class DwellTimes(_Step, frozen=True, tag="dwell-times"):
    """Take the seconds until the session's next click as the value, at most `longest_s`; a last click has none.

    It is known only when that next click comes: a value to learn from, not to predict that click by.
    """

    longest_s: Positive = 600.0


class RareItems(_Step, frozen=True, tag="rare-items"):
    """Drop the clicks on items of fewer clicks."""

    min_clicks: AtLeastOne = 5


class ShortSessions(_Step, frozen=True, tag="short-sessions"):
    """Drop the sessions of fewer clicks, those on the other side of the cut counted; after a split, of this part."""

    min_clicks: AtLeastOne = 2
    part: Literal["train", "test"] = "train"


class Core(_Step, frozen=True, tag="core"):
    """Drop rare items and short sessions by turns until neither is left."""

    min_item_clicks: AtLeastOne = 5
    min_session_clicks: AtLeastOne = 5


class LongSessions(_Step, frozen=True, tag="long-sessions"):
    """Drop all but the last clicks of every session."""

    max_clicks: AtLeastOne = 200


class UnknownItems(_Step, frozen=True, tag="unknown-items"):
    """Drop the test clicks on items that no training click is on."""


class NormaliseValues(_Step, frozen=True, tag="normalise-values"):
    """Bring all values to one scale; what it is is taken from the training clicks.

    Attributes:
        method: `standard`: mean 0 and standard deviation 1; `min-max`: from 0 to 1; `log-standard`: log1p, then
            `standard` (for times, which have a long tail).
    """

    method: NormalisationMethod = "standard"


class SplitAt(_Step, frozen=True, tag="split-at"):
    """Train on what lies before a moment (UTC where it names no zone), test on what comes from then on."""

    moment: datetime


class SplitAtShare(_Step, frozen=True, tag="split-share"):
    """Train on what lies before the moment at which that share of the clicks or the sessions has begun."""

    share: ProperFraction = 0.9
    of: Literal["clicks", "sessions"] = "clicks"


class SplitLastOut(_Step, frozen=True, tag="leave-last-out"):
    """Test on the last click of every session of three or more."""


SplitStep = SplitAt | SplitAtShare | SplitLastOut
Step = (
    ImpossibleTimestamps
    | Duplicates
    | Sessions
    | ImmediateRepeats
    | DwellTimes
    | RareItems
    | ShortSessions
    | Core
    | LongSessions
    | UnknownItems
    | NormaliseValues
    | SplitAt
    | SplitAtShare
    | SplitLastOut
)
_NEED_NO_SESSIONS = (ImpossibleTimestamps, Duplicates, RareItems, Sessions)
_NEED_A_SPLIT = (UnknownItems, NormaliseValues)


class PreparationConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A configuration of `nextclick data prepare --config`: the steps to take, in order."""

    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        if fault := _fault(self.steps):
            raise ValueError(fault)


def load_preparation_config(path: Path) -> PreparationConfig:
    """Read a configuration.

    Raises:
        SettingsError: If it cannot be read, holds an unknown key or a value out of bounds, or its order makes no sense.
    """
    try:
        return msgspec.toml.decode(path.read_bytes(), type=PreparationConfig)
    except (OSError, msgspec.DecodeError) as error:
        raise SettingsError(f"The preparation {path} does not hold: {error}.") from error


def _fault(steps: Iterable[Step]) -> str | None:
    """Say why steps cannot be taken in this order, or None."""
    has_sessions = has_split = False
    for step in steps:
        name = msgspec.to_builtins(step)["step"]
        if isinstance(step, Sessions):
            if has_sessions:
                return "sessions are assigned twice"
            has_sessions = True
        elif not has_sessions and not isinstance(step, _NEED_NO_SESSIONS):
            return f"{name} needs sessions: a step `sessions` must come before it"
        if isinstance(step, SplitStep):
            if has_split:
                return f"{name} is a second split"
            has_split = True
        elif not has_split and (isinstance(step, _NEED_A_SPLIT) or _looks_at_test(step)):
            return f"{name} needs a split: one must come before it"
        elif has_split and isinstance(step, ImpossibleTimestamps | Duplicates | ImmediateRepeats | DwellTimes):
            return f"{name} must come before the split"
    return None if has_split else "there is no split: add a step `split-at`, `split-share` or `leave-last-out`"


def _looks_at_test(step: Step) -> bool:
    return isinstance(step, ShortSessions) and step.part == "test"
