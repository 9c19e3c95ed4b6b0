"""Batch reports for tests, with keyword defaults."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from workers.computed_batch import BatchReport
from workers.events import RejectionReason, Strategy
from workers.prequential import ScoredClicks
from workers.stepping import STRATEGIES, StepCounts


def make_report(
    *,
    applied: int = 0,
    redelivered: int = 0,
    late: int = 0,
    unknown_items: int = 0,
    without_consent: int = 0,
    lists: Mapping[Strategy, int] | None = None,
    dead_letters: Mapping[RejectionReason, int] | None = None,
    unreadable_states: Mapping[bytes, str] | None = None,
    scored: ScoredClicks | None = None,
) -> BatchReport:
    """Make a report that adds up."""
    dead_letters = dead_letters or {}
    return BatchReport(
        records=applied + redelivered + without_consent + sum(dead_letters.values()),
        steps=StepCounts(applied, redelivered, late, unknown_items),
        without_consent=without_consent,
        lists=lists or {},
        dead_letters=dead_letters,
        unreadable_states=unreadable_states or {},
        scored=scored,
    )


def make_scored(rows: Sequence[tuple[int, int, Strategy, int]], *, unknown: Collection[int] = ()) -> ScoredClicks:
    """Make scored clicks of (rank, popular_rank, strategy, history_length), some of unknown items."""
    count = len(rows)
    return ScoredClicks(
        position=np.arange(count),
        rank=np.array([row[0] for row in rows], np.int64),
        popular_rank=np.array([row[1] for row in rows], np.int64),
        strategy=np.array([STRATEGIES.index(row[2]) for row in rows], np.uint8),
        history_length=np.array([row[3] for row in rows], np.int64),
        is_known=np.array([position not in unknown for position in range(count)], np.bool_),
    )
