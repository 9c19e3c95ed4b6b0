"""Dropping what there is too little or too much of: steps that must know of all clicks, over parts of any size."""

import polars as pl

from models.preparation.click_parts import IS_TEST, ClickParts, Part, count_by, drop_from
from models.preparation.prepared_data import CleaningStep


def drop_rare_items(clicks: ClickParts, min_clicks: int, part: Part = "all") -> tuple[ClickParts, CleaningStep]:
    """Drop the clicks on items of fewer than `min_clicks` in that part of the split."""
    counts = count_by(clicks, "item_id", part)
    rare = counts.filter(pl.col("len") < min_clicks)["item_id"]
    kind = "training " if part == "train" else ""
    reason = f"the item has fewer than {min_clicks} {kind}clicks"
    return drop_from(clicks, pl.col("item_id").is_in(rare.implode()), "rare items", reason, part)


def drop_short_sessions(clicks: ClickParts, min_clicks: int, part: Part = "all") -> tuple[ClickParts, CleaningStep]:
    """Drop that part's clicks of sessions shorter than `min_clicks`.

    A session's clicks on both sides of the cut count: a history may begin before it, or go on after it.
    """
    doomed = pl.len().over("session_id") < min_clicks
    return drop_from(clicks, doomed, "short sessions", f"the session has fewer than {min_clicks} clicks", part)


def drop_unknown_items(clicks: ClickParts) -> tuple[ClickParts, CleaningStep]:
    """Drop the test clicks on items that no training click is on."""
    known = count_by(clicks, "item_id", "train")["item_id"]
    doomed = ~pl.col("item_id").is_in(known.implode())
    return drop_from(clicks, doomed, "unknown items", "no training click is on the item", "test")


def drop_to_core(
    clicks: ClickParts, min_item_clicks: int, min_session_clicks: int, part: Part
) -> tuple[ClickParts, tuple[CleaningStep, ...]]:
    """Drop rare items and short sessions by turns until neither is left: the k-core of clicks (minimum support).

    Returns:
        The clicks, and one step for all the rare items, one for all the short sessions.
    """
    rounds = items_dropped = sessions_dropped = 0
    while True:
        rounds += 1
        clicks, rare = drop_rare_items(clicks, min_item_clicks, part)
        clicks, short = drop_short_sessions(clicks, min_session_clicks, part)
        items_dropped, sessions_dropped = items_dropped + rare.dropped, sessions_dropped + short.dropped
        if not short.dropped:
            break
    kept = short.kept
    after = f"{rounds} round{'s' if rounds > 1 else ''}"
    return clicks, (
        CleaningStep(f"core: {rare.name}", f"{rare.reason}, {after}", items_dropped, kept + sessions_dropped),
        CleaningStep(f"core: {short.name}", f"{short.reason}, {after}", sessions_dropped, kept),
    )


def cut_to_length(clicks: ClickParts, length: int, part: Part) -> tuple[ClickParts, CleaningStep]:
    """Drop all but the last clicks of every session; once there is a split, of its training clicks."""
    # Of a session's clicks on both sides of the cut those of this part are counted.
    keys = ["session_id"] if part == "all" else ["session_id", IS_TEST]
    doomed = pl.int_range(pl.len()).over(keys) < pl.len().over(keys).cast(pl.Int64) - length
    return drop_from(clicks, doomed, "long sessions", f"the session has {length} later clicks", part)
