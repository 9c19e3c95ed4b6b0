"""What one click does to a user's state, all but the tensors: pure, one click in, one state out."""

from dataclasses import dataclass

from models.session_rule import SessionRule
from models.vocabulary import hash_item_id
from workers.events import ClickEvent
from workers.user_state import UserState, extend_ring, hash_session_id


@dataclass(frozen=True, slots=True)
class Applied:
    """A click applied.

    Attributes:
        state: The state after it; its slots are the ones before it.
        gap_ms: Event time since the previous click of the session; 0 for its first click and for a late one.
        begins_session: Whether the tensors start over before the step.
        late: Whether its event time lies before one that was applied already.
    """

    state: UserState
    gap_ms: int
    begins_session: bool
    late: bool


def apply_click(state: UserState | None, click: ClickEvent, *, session_rule: SessionRule, ring_length: int) -> Applied:
    """Apply a click to the state of its user; None for a user without one."""
    session_hash = hash_session_id(click.session_id)
    if state is None:
        state = _empty_state(click)
        gap_ms, late, begins_session = 0, False, True
    else:
        gap_ms = max(0, click.timestamp_ms - state.updated_at_ms)
        late = click.timestamp_ms < state.updated_at_ms
        other_id = session_hash not in (0, state.session_hash)
        begins_session = session_rule.begins_session(gap_ms, other_id=other_id)
    applied = UserState(
        source_partition=click.record.partition,
        last_offset=click.record.offset,
        updated_at_ms=max(state.updated_at_ms, click.timestamp_ms),
        clicks=state.clicks + 1,
        session_hash=session_hash or state.session_hash,
        session_clicks=1 if begins_session else state.session_clicks + 1,
        ring=extend_ring(state.ring, hash_item_id(click.item_id), click.timestamp_ms, ring_length),
        slots=state.slots,
    )
    return Applied(applied, 0 if begins_session else gap_ms, begins_session, late)


def _empty_state(click: ClickEvent) -> UserState:
    return UserState(
        source_partition=click.record.partition,
        last_offset=click.record.offset - 1,
        updated_at_ms=click.timestamp_ms,
        clicks=0,
        session_hash=0,
        session_clicks=0,
        ring=b"",
        slots=(),
    )
