"""When a user's next click begins a new session, in training, in evaluation and on the stream alike."""

import msgspec
import numpy as np
from numpy.typing import NDArray


class SessionRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A session ends when the session id changes, or after an idle gap, or never.

    Attributes:
        by_id: A click whose session id differs from the user's last one begins a session.
        gap_ms: A click more than this many milliseconds after the user's last one begins a session; None: no gap does.
    """

    by_id: bool = True
    gap_ms: int | None = None

    def begins_session(self, gap_ms: int, *, other_id: bool) -> bool:
        """Tell whether a user's click begins a new session.

        Args:
            gap_ms: Event time since the user's previous click, at least 0.
            other_id: The click names a session, and it is not the one of the user's previous click.
        """
        return (self.by_id and other_id) or (self.gap_ms is not None and gap_ms > self.gap_ms)

    def begin_sessions(self, gap_ms: NDArray[np.int64], other_id: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Tell the same of B clicks, each (B,)."""
        begins = other_id if self.by_id else np.zeros_like(other_id)
        return begins if self.gap_ms is None else begins | (gap_ms > self.gap_ms)
