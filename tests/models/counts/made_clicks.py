"""Clicks to count, written down one by one."""

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

from models.counts.counted_clicks import CountedClicks


class MadeClick(NamedTuple):
    """A click of a source partition: the fields of `CountedClicks`, `before` the newest last."""

    offset: int
    user: str
    item_hash: int
    before: Sequence[int]
    timestamp_ms: int
    recorded_ms: int


def columns_of(clicks: Sequence[MadeClick], *, reach: int = 10) -> CountedClicks:
    """Return clicks as counting takes them; pairs reach so far back."""
    before = [click.before[-reach:] for click in clicks]
    return CountedClicks(
        np.array([click.offset for click in clicks], np.int64),
        [click.user.encode() for click in clicks],
        np.array([click.item_hash for click in clicks], np.uint64),
        np.array(list(chain.from_iterable(before)), np.uint64),
        np.array([len(one) for one in before], np.int64),
        np.array([click.timestamp_ms for click in clicks], np.int64),
        np.array([click.recorded_ms for click in clicks], np.int64),
    )
