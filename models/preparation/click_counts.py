"""What a table of clicks holds, counted in one part or in many."""

import msgspec
import polars as pl

from models.preparation.click_parts import IS_TEST, ClickParts, Part, among, count_by


class ClickCounts(msgspec.Struct, frozen=True):
    """What a table of clicks holds, and the event times of its first and last click."""

    users: int
    sessions: int
    items: int
    clicks: int
    first_timestamp_ms: int
    last_timestamp_ms: int


def count_clicks(clicks: ClickParts, part: Part = "all") -> ClickCounts:
    """Count what is in a part of a split that is not empty; neither users nor sessions lie in two parts of the log."""
    at = pl.col("timestamp_ms")
    counted = [
        table.filter(among(part))
        .select(pl.n_unique("user_id"), pl.n_unique("session_id"), pl.len(), first=at.min(), last=at.max())
        .row(0)
        for table in clicks.columns("user_id", "session_id", "timestamp_ms", *([] if part == "all" else [IS_TEST]))
    ]
    users, sessions, counts, first, last = zip(*counted, strict=True)
    return ClickCounts(
        users=sum(users),
        sessions=sum(sessions),
        items=count_by(clicks, "item_id", part).height,
        clicks=sum(counts),
        first_timestamp_ms=min(moment for moment in first if moment is not None),
        last_timestamp_ms=max(moment for moment in last if moment is not None),
    )
