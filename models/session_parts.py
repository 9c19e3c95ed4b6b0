"""Sessions over parts: as `models.sessions` assigns them to a whole log."""

import numpy as np

from models.click_parts import ClickParts
from models.session_rule import SessionRule
from models.sessions import assign_sessions, count_sessions


def assign_sessions_in_parts(clicks: ClickParts, rule: SessionRule) -> ClickParts:
    """Sort each part by time and say which session each click belongs to.

    The log's own ids are kept if they name exactly the sessions of all parts, as in a log that is one part.
    """
    keep_ids = rule.by_id and _ids_name_the_sessions(clicks, rule)
    return clicks.map(lambda table: assign_sessions(table, rule, keep_ids=keep_ids))


def sessions_anew(clicks: ClickParts, rule: SessionRule) -> ClickParts:
    """Cut sessions by the gaps that there are now: on the stream, too, a gap is the time since the last click."""
    return clicks if rule.gap_ms is None else assign_sessions_in_parts(clicks, rule)


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
