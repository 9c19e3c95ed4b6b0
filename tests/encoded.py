"""Encoded sessions for tests, written as lists of item rows."""

from collections.abc import Sequence

import numpy as np

from models.sequences.encoded_sessions import EncodedSessions

CLICK_EVERY_MS = 1_000


def make_sessions(
    *sessions: Sequence[int], feature_width: int = 0, timestamp_ms: Sequence[int] | None = None
) -> EncodedSessions:
    """Make sessions of item rows, one after the other, a click a second where no times are given; random features."""
    item_index = np.array([item for session in sessions for item in session], dtype=np.int64)
    generator = np.random.default_rng(0)
    times = np.arange(len(item_index)) * CLICK_EVERY_MS if timestamp_ms is None else timestamp_ms
    return EncodedSessions(
        session_ids=tuple(str(number) for number in range(len(sessions))),
        first_click=np.cumsum([0, *map(len, sessions)]),
        item_index=item_index,
        timestamp_ms=np.asarray(times, dtype=np.int64),
        features=generator.normal(size=(len(item_index), feature_width)).astype(np.float32),
    )
