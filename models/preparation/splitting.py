"""Splits: what is learnt from, and what is predicted.

By time, what is learnt from lies before a cut, what is predicted after it. Leave-last-out lets other users' later
clicks into training: it is here for comparing with figures that were published by it, and for nothing else.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.errors import DataError
from models.preparation.cleaning import drop
from models.preparation.click_parts import (
    IS_TEST,
    ClickParts,
    ClicksInMemory,
    drop_within_parts,
    kth_smallest,
)
from models.preparation.cuts import CrossingSessions, CutAt, CutAtShare, TimeCut
from models.preparation.prepared_data import CLICK_SCHEMA, CleaningStep, EvaluationProtocol
from models.preparation.session_parts import sessions_anew
from models.preparation.thinning import drop_rare_items, drop_short_sessions, drop_unknown_items
from models.session_rule import SessionRule

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


class CutClicks(NamedTuple):
    """Clicks in parts that know which side of a split they are on.

    Attributes:
        clicks: `WORKING_SCHEMA`, `is_test` set.
        cut_ms: The cut, milliseconds since 1970; None where each session's last click was left out.
        steps: What the split dropped.
    """

    clicks: ClickParts
    cut_ms: int | None
    steps: tuple[CleaningStep, ...] = ()


def leave_last_out(clicks: pl.DataFrame) -> Split:
    """Leave the last click of every session of three or more out.

    A click that is left out and on an item that no other click is on stays: it is a miss.

    Args:
        clicks: `CLICK_SCHEMA`, in order of time, every session_id set.

    Raises:
        DataError: If there is no click.
    """
    return _split(CutClicks(leave_last_clicks_out(ClicksInMemory.of_log(clicks)), None))


def split_by_time(
    clicks: pl.DataFrame,
    cut: TimeCut,
    rule: SessionRule,
    *,
    crossing: CrossingSessions = "dropped",
    min_item_clicks: int = 1,
    keep_unknown_items: bool = False,
) -> Split:
    """Split clicks at a moment.

    Where sessions end, a session trains if all its clicks come before the cut, tests if it starts at the cut or later,
    and is dropped, or learned whole, if the cut goes through it. Where they never end, the cut goes through users'
    histories: evaluation and replay start the test clicks' users from an empty state all the same. Unless what crosses
    is learned: then a user belongs to one side.

    Args:
        clicks: `CLICK_SCHEMA`, in order of time, every session_id set.
        cut: Where to cut.
        rule: When a session begins. If a gap does, sessions are cut anew wherever dropped clicks have left one.
        crossing: What becomes of the sessions that the cut goes through.
        min_item_clicks: Drop the training clicks on items that have fewer of them.
        keep_unknown_items: Keep the test clicks on items that no training click is on, which only a model that knows
            items by their text can rank.

    Raises:
        DataError: If there is no click.
    """
    parts = ClicksInMemory.of_log(clicks)
    return _split(
        cut_by_time(
            parts,
            cut,
            rule,
            crossing=crossing,
            min_item_clicks=min_item_clicks,
            keep_unknown_items=keep_unknown_items,
        )
    )


def cut_by_time(
    clicks: ClickParts,
    cut: TimeCut,
    rule: SessionRule,
    *,
    crossing: CrossingSessions = "dropped",
    min_item_clicks: int = 1,
    keep_unknown_items: bool = False,
) -> CutClicks:
    """Do what `split_by_time` does to clicks in parts."""
    cut_ms = cut_moment(clicks, cut)
    clicks, steps = cut_at(clicks, cut_ms, rule, crossing)
    if min_item_clicks > 1:
        clicks, rare = drop_rare_items(clicks, min_item_clicks, "train")
        clicks, steps = sessions_anew(clicks, rule), [*steps, rare]
    if not keep_unknown_items:
        clicks, unknown = drop_unknown_items(clicks)
        clicks, steps = sessions_anew(clicks, rule), [*steps, unknown]
    return CutClicks(clicks, cut_ms, tuple(steps))


def cut_moment(clicks: ClickParts, cut: TimeCut) -> int:
    """Return where a cut lies, milliseconds since 1970.

    Raises:
        DataError: If there is no click.
    """

    def times() -> Iterator[NDArray[np.int64]]:
        by_session = isinstance(cut, CutAtShare) and cut.of == "sessions"
        if not by_session:
            yield from (table["timestamp_ms"].to_numpy() for table in clicks.columns("timestamp_ms"))
            return
        for table in clicks.columns("session_id", "timestamp_ms"):
            yield table.group_by("session_id").agg(pl.col("timestamp_ms").min())["timestamp_ms"].to_numpy()

    if not clicks.count():
        raise DataError("There are no clicks to split.")
    if isinstance(cut, CutAt):
        return cut.timestamp_ms
    count = sum(len(part) for part in times())
    return kth_smallest(times, min(int(count * cut.share), count - 1))


def cut_at(
    clicks: ClickParts, cut_ms: int, rule: SessionRule, crossing: CrossingSessions = "dropped"
) -> tuple[ClickParts, list[CleaningStep]]:
    """Say which clicks train and which test; drop the sessions that a cut goes through, where sessions end."""
    at = pl.col("timestamp_ms")
    if crossing == "learned":
        begun_ms = at.first().over("session_id")
        return clicks.map(lambda table: table.with_columns((begun_ms >= cut_ms).alias(IS_TEST))), []
    side = (at >= cut_ms).alias(IS_TEST)
    if not sessions_end(rule):
        return clicks.map(lambda table: table.with_columns(side)), []
    # In order of time a session's clicks are too: its first and its last say whether the cut goes through it.
    crossed = (at.first().over("session_id") < cut_ms) & (at.last().over("session_id") >= cut_ms)

    def cut(table: pl.DataFrame) -> tuple[pl.DataFrame, CleaningStep]:
        kept, step = drop(table, crossed, "sessions at the cut", "the cut goes through the session")
        return kept.with_columns(side), step

    cut_clicks, step = drop_within_parts(clicks, cut)
    return cut_clicks, [step]


def leave_last_clicks_out(clicks: ClickParts) -> ClickParts:
    """Let the last click of every session of three or more test, and all others train.

    Raises:
        DataError: If there is no click.
    """
    if not clicks.count():
        raise DataError("There are no clicks to split.")
    length = pl.len().over("session_id")
    is_last = pl.int_range(pl.len()).over("session_id") == length - 1
    return clicks.map(lambda table: table.with_columns((is_last & (length >= LEAST_TO_LEAVE_ONE_OUT)).alias(IS_TEST)))


def validation_split(
    train: pl.DataFrame,
    rule: SessionRule,
    share: float = 0.1,
    *,
    protocol: EvaluationProtocol = "session-clicks",
    crossing: CrossingSessions = "dropped",
    min_item_clicks: int = 1,
    keep_unknown_items: bool = False,
) -> Split:
    """Split the end of the training period off, to choose settings and the number of epochs by, as the test was split.

    Args:
        train: `PreparedData.train`.
        rule: `PreparedData.description.session_rule`.
        share: Share to validate on: of the sessions, or of the clicks where sessions never end. Leave-last-out takes
            the last click of each, whatever the share and what follows it here.
        protocol: `PreparedData.description.protocol`.
        crossing: What becomes of the sessions that the cut goes through.
        min_item_clicks: What is left to train on loses the items with fewer clicks there.
        keep_unknown_items: Keep the validation clicks on items that no click left to train on is on.

    Returns:
        `train` is what is left to train on, `test` the validation clicks. No session of `test` is shorter than 2
        clicks, those before the cut included: each has something to predict.
    """
    parts = ClicksInMemory.of_log(train)
    return _split(
        cut_validation_off(
            parts,
            rule,
            share,
            protocol=protocol,
            crossing=crossing,
            min_item_clicks=min_item_clicks,
            keep_unknown_items=keep_unknown_items,
        )
    )


def cut_validation_off(
    clicks: ClickParts,
    rule: SessionRule,
    share: float,
    *,
    protocol: EvaluationProtocol = "session-clicks",
    crossing: CrossingSessions = "dropped",
    min_item_clicks: int = 1,
    keep_unknown_items: bool = False,
) -> CutClicks:
    """Do what `validation_split` does to clicks in parts."""
    if protocol == "last-click":
        return CutClicks(leave_last_clicks_out(clicks), None)
    by_session = sessions_end(rule) or crossing == "learned"
    cut = cut_by_time(
        clicks,
        CutAtShare(1 - share, "sessions" if by_session else "clicks"),
        rule,
        crossing=crossing,
        min_item_clicks=min_item_clicks,
        keep_unknown_items=keep_unknown_items,
    )
    left, short = drop_short_sessions(cut.clicks, 2, "test")  # one click to step through, one to predict
    return CutClicks(left, cut.cut_ms, (*cut.steps, short))


def sessions_end(rule: SessionRule) -> bool:
    """Tell whether a session ever ends."""
    return rule.by_id or rule.gap_ms is not None


def _split(cut: CutClicks) -> Split:
    """Take clicks in memory apart."""
    (clicks,) = cut.clicks
    train, test = (clicks.filter(side).select(CLICK_SCHEMA.names()) for side in (~pl.col(IS_TEST), pl.col(IS_TEST)))
    return Split(train, test, cut.cut_ms, cut.steps)
