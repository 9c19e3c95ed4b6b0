"""What a dead-letter topic holds, counted by reason in one pass."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Self

from nextclick.dead_letters import DeadLetter, LetterFilter


@dataclass(slots=True)
class ReasonSummary:
    """The letters of one reason.

    Attributes:
        reason: Theirs.
        letters: How many.
        redriven: How many of them are of records that were sent again.
        oldest_ms: When the first was written.
        newest_ms: When the last was.
        examples: The newest, oldest first.
    """

    reason: str
    letters: int
    redriven: int
    oldest_ms: int
    newest_ms: int
    examples: deque[DeadLetter]


@dataclass(slots=True)
class LetterSummary:
    """What a dead-letter topic holds.

    Attributes:
        reasons: By reason, most letters first.
        foreign: Records that are no dead letters: somebody else writes to the topic.
    """

    reasons: list[ReasonSummary] = field(default_factory=list)
    foreign: int = 0

    @property
    def letters(self) -> int:
        """All of them."""
        return sum(summary.letters for summary in self.reasons)

    @classmethod
    def of(
        cls, records: Iterator[DeadLetter | None], wanted: LetterFilter, redriven: frozenset[str], examples: int
    ) -> Self:
        """Count letters in one pass, keeping only the newest few of each reason in memory."""
        by_reason: dict[str, ReasonSummary] = {}
        foreign = 0
        for letter in records:
            if letter is None:
                foreign += 1
            elif wanted.matches(letter):
                at_ms = letter.timestamp_ms
                new = ReasonSummary(letter.reason, 0, 0, at_ms, at_ms, deque(maxlen=examples))
                _count(by_reason.setdefault(letter.reason, new), letter, redriven)
        return cls(sorted(by_reason.values(), key=lambda one: (-one.letters, one.reason)), foreign)


def _count(summary: ReasonSummary, letter: DeadLetter, redriven: frozenset[str]) -> None:
    summary.letters += 1
    summary.redriven += bool(redriven) and letter.identity in redriven
    summary.oldest_ms = min(summary.oldest_ms, letter.timestamp_ms)
    summary.newest_ms = max(summary.newest_ms, letter.timestamp_ms)
    summary.examples.append(letter)
