"""Batch reports for tests, with keyword defaults."""

from collections.abc import Mapping

from workers.events import RejectionReason, Strategy
from workers.pipeline import BatchReport
from workers.stepping import StepCounts


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
    )
