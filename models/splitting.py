"""Splits by time: what is learnt from lies before a cut, what is predicted after it.

Never leave-last-out: that lets other users' later clicks into training.
"""

from dataclasses import dataclass, replace
from typing import Literal

import msgspec
import polars as pl

from models.cleaning import drop, drop_rare_items, drop_short_sessions
from models.errors import DataError
from models.prepared_data import CleaningStep
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


Cut = CutAt | CutAtShare


@dataclass(frozen=True)
class TimeSplit:
    """Two tables of clicks, each in order of time, and what belongs to neither.

    Attributes:
        train: Before the cut.
        test: From the cut on, and only items that `train` knows.
        cut_ms: The cut, milliseconds since 1970.
        steps: What the split dropped.
    """

    train: pl.DataFrame
    test: pl.DataFrame
    cut_ms: int
    steps: tuple[CleaningStep, ...]


def split_by_time(
    clicks: pl.DataFrame, cut: Cut, rule: SessionRule, *, min_item_clicks: int = 1, min_session_clicks: int = 1
) -> TimeSplit:
    """Split clicks in two.

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

    Raises:
        DataError: If there is no click.
    """
    cut_ms = cut_moment(clicks, cut)
    train, test, through = _cut(clicks, cut_ms, rule)
    train, rare = drop_rare_items(train, min_item_clicks)
    train, test = _sessions_anew(train, test, rule)
    train, short_in_train = drop_short_sessions(train, min_session_clicks, others=test)
    test, unknown = drop_unknown_items(test, train)
    train, test = _sessions_anew(train, test, rule)
    test, short_in_test = drop_short_sessions(test, min_session_clicks, others=train)
    taken = (
        through,
        _of("train", rare) if min_item_clicks > 1 else None,
        _of("train", short_in_train) if min_session_clicks > 1 else None,
        _of("test", unknown),
        _of("test", short_in_test) if min_session_clicks > 1 else None,
    )
    return TimeSplit(train, test, cut_ms, tuple(step for step in taken if step is not None))


def _of(part: str, step: CleaningStep) -> CleaningStep:
    return msgspec.structs.replace(step, name=f"{part}: {step.name}")


def cut_moment(clicks: pl.DataFrame, cut: Cut) -> int:
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


def validation_split(train: pl.DataFrame, rule: SessionRule, share: float = 0.1) -> TimeSplit:
    """Split the end of the training period off, to choose settings and the number of epochs by.

    Args:
        train: `PreparedData.train`.
        rule: `PreparedData.description.session_rule`.
        share: Share to validate on: of the sessions, or of the clicks where sessions never end.

    Returns:
        `train` is what is left to train on, `test` the validation clicks. No session of `test` is shorter than 2
        clicks, those before the cut included: each has something to predict.
    """
    of: Literal["clicks", "sessions"] = "sessions" if _sessions_end(rule) else "clicks"
    split = split_by_time(train, CutAtShare(1 - share, of), rule)
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
