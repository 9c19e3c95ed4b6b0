"""What a round of clicks does to its users' states, all but the tensors.

Legend: B clicks of a round, no two of one user.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.session_rule import SessionRule
from workers.click_columns import ClickColumns
from workers.state_arena import Rows, StateArena


@dataclass(frozen=True, slots=True)
class Applied:
    """A round applied.

    Attributes:
        gap_ms: Event time since the previous click of the session; 0 for its first click and for a late one, (B,).
        begins_session: Whether the tensors start over before the step, (B,).
        late: Whether its event time lies before one that was applied already, (B,).
    """

    gap_ms: NDArray[np.int64]
    begins_session: NDArray[np.bool_]
    late: NDArray[np.bool_]


def are_applied(arena: StateArena, rows: Rows, clicks: ClickColumns) -> NDArray[np.bool_]:
    """Tell of each click whether its user's state has it already: at or below its `last_offset`, (B,)."""
    head = arena.head[rows]
    has_state = head["clicks"] > 0
    same_partition: NDArray[np.bool_] = head["source_partition"] == clicks.partition
    return has_state & same_partition & (clicks.offset <= head["last_offset"])


def forget_expired(arena: StateArena, rows: Rows, clicks: ClickColumns, *, state_ttl_ms: int | None) -> None:
    """Start users over who were away for longer than the time to live, in event time."""
    if state_ttl_ms is None:
        return
    head = arena.head[rows]
    expired = (head["clicks"] > 0) & (clicks.timestamp_ms - head["updated_at_ms"] > state_ttl_ms)
    arena.clear(rows[expired])


def apply_clicks(arena: StateArena, rows: Rows, clicks: ClickColumns, *, session_rule: SessionRule) -> Applied:
    """Apply a click to the state in each of these rows, (B,)."""
    head = arena.head[rows]
    is_new = head["clicks"] == 0
    updated_at_ms = np.where(is_new, clicks.timestamp_ms, head["updated_at_ms"])
    gap_ms = np.maximum(0, clicks.timestamp_ms - updated_at_ms)
    late = clicks.timestamp_ms < updated_at_ms
    other_id = (clicks.session_hash != 0) & (clicks.session_hash != head["session_hash"])
    begins_session = is_new | session_rule.begin_sessions(gap_ms, other_id)

    head["source_partition"] = clicks.partition
    head["last_offset"] = clicks.offset
    head["updated_at_ms"] = np.maximum(updated_at_ms, clicks.timestamp_ms)
    head["clicks"] += np.uint64(1)
    head["session_hash"] = np.where(clicks.session_hash != 0, clicks.session_hash, head["session_hash"])
    head["session_clicks"] = np.where(begins_session, 1, head["session_clicks"] + np.uint32(1))
    arena.head[rows] = head
    arena.append_to_rings(rows, clicks.item_hash, clicks.item_index, clicks.timestamp_ms)
    arena.clear_tensors(rows[begins_session])
    return Applied(np.where(begins_session, 0, gap_ms), begins_session, late)
