"""Cleaning a click log: each step is optional, drops clicks for one reason, and says how many and why.

Rare items and short sessions depend on each other: without its rare items a session may become short, and without the
short sessions an item may become rare. Each is dropped once, items first, then sessions (the convention of GRU4Rec's
own preprocessing), so that no session of one click is left; an item may end up with fewer clicks than asked for.
"""

import time
from dataclasses import dataclass

import polars as pl

from models.preparation.prepared_data import CLICK_SCHEMA, CleaningStep

# 100,000,000,000 ms is March 1973: a time below it is a count of seconds. Workers refuse such clicks too.
EARLIEST_TIMESTAMP_MS = 100_000_000_000
# A clock may be a day ahead (a wrong time zone); beyond that the time is no time of a click.
MAX_FUTURE_MS = 24 * 3600 * 1000


@dataclass(frozen=True)
class Cleaning:
    """Which steps to take.

    Attributes:
        impossible_timestamps: Drop clicks of negative times, times in seconds, and times in the future.
        duplicates: Drop a click that equals an earlier one in every column.
        immediate_repeats: Drop a click on the item that the session's previous click was on.
        min_item_clicks: Drop items with fewer training clicks; 1 keeps all.
        min_session_clicks: Drop sessions with fewer clicks; 1 keeps all.
    """

    impossible_timestamps: bool = True
    duplicates: bool = True
    immediate_repeats: bool = False
    min_item_clicks: int = 5
    min_session_clicks: int = 2


def drop_impossible_timestamps(
    clicks: pl.DataFrame, now_ms: int | None = None
) -> tuple[pl.DataFrame, tuple[CleaningStep, ...]]:
    """Drop clicks that cannot have happened when they say: one step each for negative, in seconds, and in the future.

    Args:
        clicks: `CLICK_SCHEMA`.
        now_ms: The present; None asks the clock.
    """
    latest_ms = (time.time_ns() // 1_000_000 if now_ms is None else now_ms) + MAX_FUTURE_MS
    at = pl.col("timestamp_ms")
    steps = []
    for doomed, reason in (
        (at < 0, "the timestamp is before 1970"),
        (at < EARLIEST_TIMESTAMP_MS, "the timestamp is before March 1973 in milliseconds, as a count of seconds is"),
        (at > latest_ms, "the timestamp is more than a day in the future"),
    ):
        clicks, step = drop(clicks, doomed, "impossible timestamps", reason)
        steps.append(step)
    return clicks, tuple(steps)


def drop_duplicates(clicks: pl.DataFrame) -> tuple[pl.DataFrame, CleaningStep]:
    """Drop every click that equals an earlier one in all its columns: a record that was delivered or logged twice."""
    again = ~pl.struct(CLICK_SCHEMA.names()).is_first_distinct()
    return drop(clicks, again, "duplicates", "the click equals an earlier one in every column")


def drop_immediate_repeats(clicks: pl.DataFrame) -> tuple[pl.DataFrame, CleaningStep]:
    """Drop a click on the item that the session's previous click was on: a reloaded page; of three in a row one stays.

    Args:
        clicks: In order of time, every session_id set.
    """
    repeats = pl.col("item_id") == pl.col("item_id").shift().over("session_id")
    return drop(clicks, repeats, "immediate repeats", "the session's previous click was on the same item")


def drop(clicks: pl.DataFrame, doomed: pl.Expr, name: str, reason: str) -> tuple[pl.DataFrame, CleaningStep]:
    """Drop clicks and say so.

    Args:
        clicks: Any table with a row a click.
        doomed: Boolean: whether the click goes; null keeps it.
        name: The step's name, for the report.
        reason: Why such a click goes.
    """
    kept = clicks.filter(~doomed.fill_null(value=False))
    if kept.height == clicks.height:
        # The very table says that nothing has changed: a part on disk is not written again.
        kept = clicks
    return kept, CleaningStep(name=name, reason=reason, dropped=clicks.height - kept.height, kept=kept.height)
