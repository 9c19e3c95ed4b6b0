"""Sessions over parts: as `models.preparation.sessions` assigns them to a whole log."""

import numpy as np
import polars as pl

from models.preparation.click_parts import ClickParts
from models.preparation.prepared_data import CleaningStep
from models.preparation.sessions import assign_sessions, count_sessions
from models.session_rule import SessionRule

_OLD_ID = "session_id of the log"


def assign_sessions_in_parts(clicks: ClickParts, rule: SessionRule) -> tuple[ClickParts, CleaningStep]:
    """Sort each part by time and say which session each click belongs to.

    The log's own ids are kept if they name exactly the sessions of all parts, as in a log that is one part.

    Returns:
        The clicks, and how many have another session id than the log gave them.
    """
    keep_ids = rule.by_id and _ids_name_the_sessions(clicks, rule)
    sessions = changed = kept = 0

    def assign(table: pl.DataFrame) -> pl.DataFrame:
        nonlocal sessions, changed, kept
        named = assign_sessions(table.with_columns(pl.col("session_id").alias(_OLD_ID)), rule, keep_ids=keep_ids)
        sessions += named["session_id"].n_unique()
        changed += int(named["session_id"].ne_missing(named[_OLD_ID]).sum())
        kept += named.height
        return named.drop(_OLD_ID)

    assigned = clicks.map(assign)
    reason = f"{sessions:,} sessions: {_describe(rule)}"
    return assigned, CleaningStep("sessions", reason, dropped=0, kept=kept, changed=changed)


def sessions_anew(clicks: ClickParts, rule: SessionRule) -> ClickParts:
    """Cut sessions by the gaps that there are now: on the stream, too, a gap is the time since the last click."""
    return clicks if rule.gap_ms is None else assign_sessions_in_parts(clicks, rule)[0]


def _describe(rule: SessionRule) -> str:
    ends = [
        *(["with its id"] if rule.by_id else []),
        *([f"after {rule.gap_ms / 1000:g} s without a click"] if rule.gap_ms is not None else []),
    ]
    return f"one ends {' or '.join(ends)}" if ends else "a user's whole history is one"


def _ids_name_the_sessions(clicks: ClickParts, rule: SessionRule) -> bool:
    sessions, hashes = 0, []
    for table in clicks:
        counts = count_sessions(table, rule)
        if not counts.ids_are_sessions:
            return False
        sessions += counts.sessions
        # An id that users of two parts share: eight bytes an id, so that ids need not be brought together.
        hashes.append(table["session_id"].unique().hash().to_numpy())
    return len(np.unique(np.concatenate([*hashes, np.zeros(0, dtype=np.uint64)]))) == sessions
