"""User states for tests, with keyword defaults."""

from tests.click_tables import MAY_2024_MS
from workers.user_state import UserState


def make_state(last_offset: int, *, clicks: int = 1) -> UserState:
    """Make a state of a ring of one item and of no model."""
    return UserState(
        source_partition=0,
        last_offset=last_offset,
        updated_at_ms=MAY_2024_MS,
        clicks=clicks,
        session_hash=0,
        session_clicks=clicks,
        ring=bytes(16),
        slots=(),
    )
