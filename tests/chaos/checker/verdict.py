"""What the checker found: counts of what is there, and everything that must not be."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum


class Violation(StrEnum):
    """A promise that was broken."""

    LOST = "lost"  # a click without a list, a bad record without a dead letter
    UNASKED = "unasked"  # a list, dead letter or state that no click asks for
    CHANGED_LIST = "changed list"  # a list published again with other bytes
    WRONG_LIST = "wrong list"  # not what the model says after the user's clicks up to this one
    OUT_OF_ORDER = "out of order"  # a user's lists first appear in another order than his clicks
    WRONG_DEAD_LETTER = "wrong dead letter"  # not the record's own bytes, key and headers, and a reason
    STATE_BEFORE_LIST = "state before list"  # a state was written before a list that it stands for
    WRONG_COUNTS = "wrong counts"  # a bucket of the counts topic is not what the click topic says
    WRONG_SNAPSHOT = "wrong snapshot"  # a list names counts that there never were
    OLD_SNAPSHOT = "old snapshot"  # a list names older counts than the list before it
    WRONG_STATE = "wrong state"  # not what the user's clicks up to its last offset make; applied twice, or skipped one
    OLD_STATE = "old state"  # the newest state in the changelog does not hold the user's newest click
    TOO_MANY_STALE_STATES = "too many stale states"  # more late writes than workers that woke up too late can explain


@dataclass
class Verdict:
    """The outcome of a check.

    Attributes:
        counts: What was there, by name.
        violations: What was found, each with its details.
    """

    counts: Counter[str] = field(default_factory=Counter)
    violations: dict[Violation, list[str]] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether nothing was found."""
        return not self.violations

    def found(self, violation: Violation, detail: str) -> None:
        """Note a broken promise."""
        self.violations.setdefault(violation, []).append(detail)


def at(place: tuple[int, int]) -> str:
    """Name a place of the click topic."""
    return f"partition {place[0]}, offset {place[1]}"
