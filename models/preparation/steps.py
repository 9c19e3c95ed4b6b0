"""The steps of a preparation, taken: each changes the clicks and says what it changed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import assert_never

import polars as pl

from models.errors import DataError
from models.preparation.cleaning import drop_duplicates, drop_immediate_repeats, drop_impossible_timestamps
from models.preparation.click_parts import ClickParts, Part, among, change_with_report, drop_within_parts
from models.preparation.cuts import CutAt, CutAtShare, TimeCut
from models.preparation.prepared_data import CleaningStep, EvaluationProtocol, ValueScale
from models.preparation.session_parts import assign_sessions_in_parts, sessions_anew
from models.preparation.splitting import cut_at, cut_moment, leave_last_clicks_out
from models.preparation.step_config import (
    Core,
    Duplicates,
    DwellTimes,
    ImmediateRepeats,
    ImpossibleTimestamps,
    LongSessions,
    NormaliseValues,
    RareItems,
    Sessions,
    ShortSessions,
    SplitAt,
    SplitAtShare,
    SplitLastOut,
    SplitStep,
    Step,
    UnknownItems,
)
from models.preparation.thinning import (
    cut_to_length,
    drop_rare_items,
    drop_short_sessions,
    drop_to_core,
    drop_unknown_items,
)
from models.preparation.value_steps import normalise_values, take_dwell_times
from models.session_rule import SessionRule


@dataclass(frozen=True)
class Preparing:
    """A log on its way.

    Attributes:
        name: The data set's name, for messages.
        clicks: What is left.
        report: What was done so far.
        rule: When a session begins; None before sessions are assigned.
        split: One sentence on the split; None before it.
        protocol: What the test predicts.
        value_scale: What values were brought to.
    """

    name: str
    clicks: ClickParts
    report: tuple[CleaningStep, ...]
    rule: SessionRule | None = None
    split: str | None = None
    protocol: EvaluationProtocol = "session-clicks"
    value_scale: ValueScale | None = None

    @property
    def part(self) -> Part:
        """What a step looks at that does not say it: all clicks, after the split those that train."""
        return "all" if self.split is None else "train"

    def after(self, clicks: ClickParts, *reports: CleaningStep) -> "Preparing":
        """Return what a step left, its report added."""
        return replace(self, clicks=clicks, report=(*self.report, *reports))


def take_steps(log: Preparing, steps: Sequence[Step]) -> Preparing:
    """Take steps in order.

    Raises:
        DataError: If no click is left to split, to train on or to test on, or a step cannot be taken on such a log.
    """
    for step in steps:
        if isinstance(step, Sessions | SplitStep):
            _refuse_if_empty(log, "click")
        log = _take(log, step)
    _refuse_if_empty(log, "training click", "train")
    _refuse_if_empty(log, "test click", "test")
    return log


def _take(log: Preparing, step: Step) -> Preparing:
    match step:
        case ImpossibleTimestamps():
            clicks, reports = change_with_report(log.clicks, drop_impossible_timestamps)
            taken = log.after(clicks, *reports)
        case Duplicates():
            taken = log.after(*drop_within_parts(log.clicks, drop_duplicates))
        case Sessions():
            taken = _assign_sessions(log, SessionRule(step.by_id, step.gap_ms))
        case ImmediateRepeats():
            taken = _close_gaps(log, *drop_within_parts(log.clicks, drop_immediate_repeats))
        case DwellTimes():
            taken = log.after(*take_dwell_times(log.clicks, step.longest_s))
        case NormaliseValues():
            clicks, scale, report = normalise_values(log.clicks, step.method)
            taken = replace(log.after(clicks, report), value_scale=scale)
        case SplitAt() | SplitAtShare() | SplitLastOut():
            taken = _split(log, step)
        case _:
            taken = _thin(log, step)
    return taken


def _thin(log: Preparing, step: RareItems | ShortSessions | Core | LongSessions | UnknownItems) -> Preparing:
    match step:
        case RareItems():
            return _close_gaps(log, *drop_rare_items(log.clicks, step.min_clicks, log.part))
        case ShortSessions():
            part = step.part if step.part == "test" else log.part
            return log.after(*drop_short_sessions(log.clicks, step.min_clicks, part))
        case Core():
            clicks, reports = drop_to_core(log.clicks, step.min_item_clicks, step.min_session_clicks, log.part)
            return _close_gaps(log, clicks, *reports)
        case LongSessions():
            return log.after(*cut_to_length(log.clicks, step.max_clicks, log.part))
        case UnknownItems():
            return _close_gaps(log, *drop_unknown_items(log.clicks))
        case _:
            assert_never(step)


def _assign_sessions(log: Preparing, rule: SessionRule) -> Preparing:
    if rule == SessionRule(by_id=True) and all(table["session_id"].is_null().all() for table in log.clicks):
        raise DataError(f"{log.name} names no sessions: let an idle gap end them, or let them never end.")
    clicks, report = assign_sessions_in_parts(log.clicks, rule)
    return replace(log.after(clicks, report), rule=rule)


def _close_gaps(log: Preparing, clicks: ClickParts, *reports: CleaningStep) -> Preparing:
    """Return what a step left, sessions cut anew by the gaps where it dropped clicks, once there are sessions."""
    after = log.after(clicks, *reports)
    if log.rule is None or not any(report.dropped for report in reports):
        return after
    return replace(after, clicks=sessions_anew(after.clicks, log.rule))


def _split(log: Preparing, step: SplitStep) -> Preparing:
    if log.rule is None:
        raise DataError(f"{log.name} has no sessions to split: assign them first.")
    if isinstance(step, SplitLastOut):
        sentence = "Leave-last-out: the last click of every session of three or more tests, all others train."
        return replace(log, clicks=leave_last_clicks_out(log.clicks), split=sentence, protocol="last-click")
    cut_ms = cut_moment(log.clicks, _cut_of(step))
    clicks, reports = cut_at(log.clicks, cut_ms, log.rule)
    moment = datetime.fromtimestamp(cut_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return replace(log.after(clicks, *reports), split=f"By time, at {moment} UTC: before it train, from it on test")


def _cut_of(step: SplitAt | SplitAtShare) -> TimeCut:
    if isinstance(step, SplitAtShare):
        return CutAtShare(step.share, step.of)
    moment = step.moment if step.moment.tzinfo else step.moment.replace(tzinfo=UTC)
    return CutAt(round(moment.timestamp() * 1000))


def _refuse_if_empty(log: Preparing, what: str, part: Part = "all") -> None:
    if any(table.select(among(part).any() if part != "all" else pl.len() > 0).item() for table in log.clicks):
        return
    worst = max(log.report, key=lambda step: step.dropped, default=None)
    if worst is None:
        raise DataError(f"No {what} of {log.name} is left: move the cut.")
    raise DataError(
        f"No {what} of {log.name} is left. Most went in the step {worst.name!r}, which dropped {worst.dropped}: "
        f"{worst.reason}. Check the timestamp's unit and the cut, or ask for fewer clicks an item and a session."
    )
