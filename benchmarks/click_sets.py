"""The clicks of the benchmark: many users, few popular items, the same ones on every machine.

Users click equally often, so that a micro-batch holds hardly anyone twice: the case in which neither a cache of hot
users nor one list for several clicks helps. Items follow Zipf's law.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.preparation.prepared_data import CLICK_SCHEMA
from nextclick.replaying import ClickMessage

USERS = 50_000
SEED = 20_240_501
FIRST_CLICK_MS = 1_714_521_600_000  # 2024-05-01
# Of the event ids: `click-NUMBER`, the click's number in the set.
EVENT_PREFIX = "click-"


@dataclass(frozen=True)
class ClickSet:
    """Clicks in order of time; click n is event `click-n`.

    Attributes:
        user: Whose, 0 to `USERS` - 1, (N,).
        item_index: On what, (N,).
    """

    user: NDArray[np.int64]
    item_index: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.user)

    def head(self, count: int) -> "ClickSet":
        """Return the first `count` clicks: their lists are those of the whole set."""
        return ClickSet(self.user[:count], self.item_index[:count])

    @cached_property
    def table(self) -> pl.DataFrame:
        """The clicks as the offline lists want them."""
        return pl.DataFrame(
            {
                "user_id": [user_id(user) for user in self.user.tolist()],
                "session_id": [None] * len(self),
                "item_id": [item_id(item) for item in self.item_index.tolist()],
                "timestamp_ms": [FIRST_CLICK_MS + number for number in range(len(self))],
                "event_type": [None] * len(self),
                "value": [None] * len(self),
            },
            schema=CLICK_SCHEMA,
        )

    def records(self) -> Iterator[tuple[int, bytes, bytes]]:
        """Yield each click's user number, key and value, in order of time."""
        encode = msgspec.json.Encoder().encode
        for number, (user, item) in enumerate(zip(self.user.tolist(), self.item_index.tolist(), strict=True)):
            name = user_id(user)
            message = ClickMessage(name, item_id(item), FIRST_CLICK_MS + number, f"{EVENT_PREFIX}{number}")
            yield user, name.encode(), encode(message)


def make_clicks(item_count: int, count: int) -> ClickSet:
    """Draw the first `count` clicks on a catalogue; fewer of them are the beginning of more."""
    draw = np.random.default_rng((SEED, item_count)).random((count, 2))
    share = np.cumsum(zipf_weights(item_count))
    return ClickSet(
        user=(draw[:, 0] * USERS).astype(np.int64),
        # The last sum may lie a rounding below 1.
        item_index=np.minimum(np.searchsorted(share, draw[:, 1]), item_count - 1).astype(np.int64),
    )


def zipf_weights(item_count: int) -> NDArray[np.float64]:
    """Return each item's share of the clicks, the most popular first: the n-th has 1/n of the first one's."""
    weights = 1 / np.arange(1, item_count + 1)
    normalised: NDArray[np.float64] = weights / weights.sum()
    return normalised


def user_id(user: int) -> str:
    """Return the user's id."""
    return f"user-{user}"


def item_id(item_index: int) -> str:
    """Return the id of the item in this row of the catalogue."""
    return f"item-{item_index}"
