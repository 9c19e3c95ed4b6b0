"""Where a log is cut: what is learnt from, and what is predicted."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class CutAt:
    """Cut at a moment, milliseconds since 1970."""

    timestamp_ms: int


@dataclass(frozen=True)
class CutAtShare:
    """Cut where that share of the clicks lies before, or that share of the sessions starts before."""

    share: float
    of: Literal["clicks", "sessions"] = "clicks"


@dataclass(frozen=True)
class LeaveLastOut:
    """Test on the last click of every session of three or more (where sessions never end: of every user)."""


CrossingSessions = Literal["dropped", "learned"]
"""What becomes of the sessions that a cut in time goes through, begun before it and not over.

`dropped`: they belong to neither side, nothing that is learned is later than the cut. `learned`: whole, with what they
click after it, as where the split is by sessions' first clicks.
"""

TimeCut = CutAt | CutAtShare
Cut = TimeCut | LeaveLastOut
