"""A micro-batch after step 5, and what becomes of its records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from models.counts.counted_clicks import CountedClicks
from workers.events import ClickEvent, OutgoingRecord, RejectionReason, Strategy
from workers.ports import StateRow
from workers.prequential import ScoredClicks
from workers.stepping import StepCounts


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What became of a micro-batch: records == applied + without_consent + redelivered + dead letters.

    Attributes:
        records: How many.
        steps: What happened to the clicks that may be remembered.
        without_consent: Clicks that may not.
        lists: How many were published, by strategy.
        dead_letters: Records that are no clicks, by reason.
        unreadable_states: What was wrong with the states that did not decode, by user.
        scored: The clicks whose user had a list; None where clicks are not scored.
    """

    records: int
    steps: StepCounts
    without_consent: int
    lists: Mapping[Strategy, int]
    dead_letters: Mapping[RejectionReason, int]
    unreadable_states: Mapping[bytes, str]
    scored: ScoredClicks | None = None


@dataclass(frozen=True, slots=True)
class ComputedBatch:
    """A micro-batch after step 5: what is to be written, and what will have become of it then.

    Attributes:
        partitions: Whose records it holds.
        outgoing: Lists, dead letters, and the states that the new ones overwrite although they did not decode.
        states: The new state of each of its users.
        report: What becomes of its records.
        clicks: Those of its records that are clicks, in their order.
        counted: Those that everyone's lists are to know of, by source partition.
    """

    partitions: frozenset[int]
    outgoing: Sequence[OutgoingRecord]
    states: Sequence[StateRow]
    report: BatchReport
    clicks: Sequence[ClickEvent] = ()
    counted: Mapping[int, CountedClicks] = field(default_factory=dict)
