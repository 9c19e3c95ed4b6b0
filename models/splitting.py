"""Splits: what is learnt from, and what is predicted.

By time, what is learnt from lies before a cut, what is predicted after it. Leave-last-out lets other users' later
clicks into training: it is here for comparing with figures that were published by it, and for nothing else.
"""

from dataclasses import dataclass, replace
from typing import Literal

import msgspec
import polars as pl

from models.cleaning import drop, drop_rare_items, drop_short_sessions
from models.errors import DataError
from models.prepared_data import CleaningStep, EvaluationProtocol
from models.session_rule import SessionRule
from models.sessions import assign_sessions


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


TimeCut = CutAt | CutAtShare
Cut = TimeCut | LeaveLastOut
# Two clicks to learn from, one to predict: a shorter session only trains (SASRec, LRURec).
LEAST_TO_LEAVE_ONE_OUT = 3


@dataclass(frozen=True)
class Split:
    """Two tables of clicks, each in order of time, and what belongs to neither.

    Attributes:
        train: Before the cut.
        test: From the cut on; unless all were asked for, only items that `train` knows.
        cut_ms: The cut, milliseconds since 1970; None where each session's last click was left out.
        steps: What the split dropped.
    """

    train: pl.DataFrame
    test: pl.DataFrame
    cut_ms: int | None
    steps: tuple[CleaningStep, ...]

    @property
    def protocol(self) -> EvaluationProtocol:
        """What `test` predicts, and given what."""
        return "last-click" if self.cut_ms is None else "session-clicks"


def split_clicks(
    clicks: pl.DataFrame,
    cut: Cut,
    rule: SessionRule,
    *,
    min_item_clicks: int = 1,
    min_session_clicks: int = 1,
    keep_unknown_items: bool = False,
) -> Split:
    """Split as a cut says: `leave_last_out`, which always keeps unknown items, or `split_by_time`."""
    if isinstance(cut, LeaveLastOut):
        return leave_last_out(clicks, min_item_clicks=min_item_clicks, min_session_clicks=min_session_clicks)
    return split_by_time(
        clicks,
        cut,
        rule,
        min_item_clicks=min_item_clicks,
        min_session_clicks=min_session_clicks,
        keep_unknown_items=keep_unknown_items,
    )


def leave_last_out(clicks: pl.DataFrame, *, min_item_clicks: int = 1, min_session_clicks: int = 1) -> Split:
    """Leave every session's last click out to test on.

    1. Drop rare items, then short sessions: before the split, as those do whose figures this is there to compare with.
    2. Leave the last click of every session of three or more out.

    A test click on an item that no training click is on stays: it is a miss.

    Args:
        clicks: `CLICK_SCHEMA`, in order of time, every session_id set.
        min_item_clicks: Clicks that an item needs; 1 keeps all.
        min_session_clicks: Clicks that a session needs; 1 keeps all.

    Raises:
        DataError: If there is no click.
    """
    if clicks.is_empty():
        raise DataError("There are no clicks to split.")
    steps = []
    if min_item_clicks > 1:
        clicks, rare = drop_rare_items(clicks, min_item_clicks)
        steps.append(rare)
    if min_session_clicks > 1:
        clicks, short = drop_short_sessions(clicks, min_session_clicks)
        steps.append(short)
    length = pl.len().over("session_id")
    is_last = pl.int_range(pl.len()).over("session_id") == length - 1
    left_out = is_last & (length >= LEAST_TO_LEAVE_ONE_OUT)
    return Split(clicks.filter(~left_out), clicks.filter(left_out), None, tuple(steps))


def split_by_time(
    clicks: pl.DataFrame,
    cut: TimeCut,
    rule: SessionRule,
    *,
    min_item_clicks: int = 1,
    min_session_clicks: int = 1,
    keep_unknown_items: bool = False,
) -> Split:
    """Split clicks at a moment.

    1. Cut. Where sessions end, a session trains if all its clicks come before the cut, tests if it starts at the cut or
       later, and is dropped if the cut goes through it. Where they never end, the cut goes through users' histories:
       evaluation and replay start the test clicks' users from an empty state all the same.
    2. Drop the rare items of the training clicks, then its short sessions.
    3. Drop the test clicks on items that no training click is on (a model cannot rank them), then its short sessions.

    The test clicks have no say in what is rare. A session's length counts its clicks on both sides of the cut.

    Args:
        clicks: `CLICK_SCHEMA`, in order of time, every session_id set.
        cut: Where to cut.
        rule: When a session begins. If a gap does, sessions are cut anew wherever dropped clicks have left one.
        min_item_clicks: Training clicks that an item needs; 1 keeps all.
        min_session_clicks: Clicks that a session needs; 1 keeps all.
        keep_unknown_items: Leave step 3's first half out: for models that can rank items never seen in training.

    Raises:
        DataError: If there is no click.
    """
    cut_ms = cut_moment(clicks, cut)
    train, test, through = _cut(clicks, cut_ms, rule)
    train, rare = drop_rare_items(train, min_item_clicks)
    train, test = _sessions_anew(train, test, rule)
    train, short_in_train = drop_short_sessions(train, min_session_clicks, others=test)
    unknown = None
    if not keep_unknown_items:
        test, unknown = drop_unknown_items(test, train)
    train, test = _sessions_anew(train, test, rule)
    test, short_in_test = drop_short_sessions(test, min_session_clicks, others=train)
    taken = (
        through,
        _of("train", rare) if min_item_clicks > 1 else None,
        _of("train", short_in_train) if min_session_clicks > 1 else None,
        _of("test", unknown) if unknown is not None else None,
        _of("test", short_in_test) if min_session_clicks > 1 else None,
    )
    return Split(train, test, cut_ms, tuple(step for step in taken if step is not None))


def _of(part: str, step: CleaningStep) -> CleaningStep:
    return msgspec.structs.replace(step, name=f"{part}: {step.name}")


def cut_moment(clicks: pl.DataFrame, cut: TimeCut) -> int:
    """Return where a cut lies, milliseconds since 1970.

    Raises:
        DataError: If there is no click.
    """
    if clicks.is_empty():
        raise DataError("There are no clicks to split.")
    match cut:
        case CutAt(timestamp_ms=timestamp_ms):
            return timestamp_ms
        case CutAtShare(share=share, of="clicks"):
            times = clicks["timestamp_ms"]
        case CutAtShare(share=share):
            times = clicks.group_by("session_id").agg(pl.col("timestamp_ms").min())["timestamp_ms"]
    return int(times.sort()[min(int(len(times) * share), len(times) - 1)])


def drop_unknown_items(test: pl.DataFrame, train: pl.DataFrame) -> tuple[pl.DataFrame, CleaningStep]:
    """Drop the test clicks on items that no training click is on."""
    unknown = ~pl.col("item_id").is_in(train["item_id"].unique().to_list())
    return drop(test, unknown, "unknown items", "no training click is on the item")


def validation_split(
    train: pl.DataFrame,
    rule: SessionRule,
    share: float = 0.1,
    *,
    protocol: EvaluationProtocol = "session-clicks",
    keep_unknown_items: bool = False,
) -> Split:
    """Split the end of the training period off, to choose settings and the number of epochs by, as the test was split.

    Args:
        train: `PreparedData.train`.
        rule: `PreparedData.description.session_rule`.
        share: Share to validate on: of the sessions, or of the clicks where sessions never end. Leave-last-out takes
            the last click of each, whatever the share.
        protocol: `PreparedData.description.protocol`.
        keep_unknown_items: Keep the validation clicks on items that no click left to train on is on.

    Returns:
        `train` is what is left to train on, `test` the validation clicks. No session of `test` is shorter than 2
        clicks, those before the cut included: each has something to predict.
    """
    if protocol == "last-click":
        return leave_last_out(train)
    of: Literal["clicks", "sessions"] = "sessions" if _sessions_end(rule) else "clicks"
    split = split_by_time(train, CutAtShare(1 - share, of), rule, keep_unknown_items=keep_unknown_items)
    test, short = drop_short_sessions(split.test, 2, others=split.train)
    return replace(split, test=test, steps=(*split.steps, _of("test", short)))


def _cut(
    clicks: pl.DataFrame, cut_ms: int, rule: SessionRule
) -> tuple[pl.DataFrame, pl.DataFrame, CleaningStep | None]:
    before = pl.col("timestamp_ms") < cut_ms
    if not _sessions_end(rule):
        return clicks.filter(before), clicks.filter(~before), None
    crossed = before.any().over("session_id") & ~before.all().over("session_id")
    clicks, step = drop(clicks, crossed, "sessions at the cut", "the cut goes through the session")
    return clicks.filter(before), clicks.filter(~before), step


def _sessions_end(rule: SessionRule) -> bool:
    return rule.by_id or rule.gap_ms is not None


def _sessions_anew(train: pl.DataFrame, test: pl.DataFrame, rule: SessionRule) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Cut sessions by the gaps that there are now: on the stream, too, a gap is the time since the last click."""
    if rule.gap_ms is None:
        return train, test
    both = assign_sessions(pl.concat([train, test]), rule)
    # Every test click is later than every training click, so the sorted rows are still the one after the other.
    return both.head(train.height), both.tail(test.height)
