"""Tables of clicks for tests, written as one literal line a click."""

from datetime import UTC, datetime

import polars as pl

from models.preparation.prepared_data import CLICK_SCHEMA

# Clicks of tests happen in May 2024: late enough for every worker, early enough for every clock.
MAY_2024_MS = int(datetime(2024, 5, 1, tzinfo=UTC).timestamp()) * 1000


def make_clicks(*lines: str, start_ms: int = 0, event_type: str | None = None) -> pl.DataFrame:
    """Make a click table from lines of `user item timestamp [session]`; without a session its id is null."""
    rows = [
        (user, session[0] if session else None, item, start_ms + int(timestamp), event_type, None)
        for user, item, timestamp, *session in (line.split() for line in lines)
    ]
    return pl.DataFrame(rows, schema=CLICK_SCHEMA, orient="row")


def click_lines(clicks: pl.DataFrame, start_ms: int = 0) -> list[str]:
    """Write a click table as `make_clicks` reads it."""
    return [
        " ".join(filter(None, (user, item, str(timestamp - start_ms), session)))
        for user, session, item, timestamp, *_ in clicks.iter_rows()
    ]
