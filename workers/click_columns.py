"""A micro-batch's clicks as columns, for array operations.

Legend: N clicks of the batch, B of them taken together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.sequences.vocabulary import ItemVocabulary, hash_item_id
from workers.events import ClickEvent
from workers.state_arena import UNKNOWN_ITEM
from workers.user_state import hash_session_id


@dataclass(frozen=True, slots=True)
class ClickColumns:
    """What the clicks of a micro-batch say, a column a field, each (N,).

    Attributes:
        partition: Partition of the click topic.
        offset: Offset there.
        timestamp_ms: Event time.
        item_index: The item's row in the vocabulary, -1 where the model does not know it.
        item_hash: The item's 8-byte hash.
        session_hash: `hash_session_id` of the click's session; 0 where it names none.
        event_type: view, cart, purchase, ...
        value: A rating, a dwell time; NaN where the click has none.
    """

    partition: NDArray[np.int64]
    offset: NDArray[np.int64]
    timestamp_ms: NDArray[np.int64]
    item_index: NDArray[np.int64]
    item_hash: NDArray[np.uint64]
    session_hash: NDArray[np.uint64]
    event_type: Sequence[str | None]
    value: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.offset)

    def take(self, positions: NDArray[np.int64]) -> "ClickColumns":
        """Return the clicks at these positions, (B,)."""
        return ClickColumns(
            self.partition[positions],
            self.offset[positions],
            self.timestamp_ms[positions],
            self.item_index[positions],
            self.item_hash[positions],
            self.session_hash[positions],
            [self.event_type[position] for position in positions.tolist()],
            self.value[positions],
        )


def click_columns(clicks: Sequence[ClickEvent], vocabulary: ItemVocabulary) -> ClickColumns:
    """Return the clicks' columns."""
    index_of, hashes = vocabulary.index_of, vocabulary.hashes
    known = [index_of(click.item_id) for click in clicks]
    item_hash = [
        hash_item_id(click.item_id) if index is None else hashes[index]
        for click, index in zip(clicks, known, strict=True)
    ]
    return ClickColumns(
        partition=np.array([click.record.partition for click in clicks], dtype=np.int64),
        offset=np.array([click.record.offset for click in clicks], dtype=np.int64),
        timestamp_ms=np.array([click.timestamp_ms for click in clicks], dtype=np.int64),
        item_index=np.array([UNKNOWN_ITEM if index is None else index for index in known], dtype=np.int64),
        item_hash=np.array(item_hash, dtype=np.uint64),
        session_hash=np.array([hash_session_id(click.session_id) for click in clicks], dtype=np.uint64),
        event_type=[click.event_type for click in clicks],
        value=np.array([np.nan if click.value is None else click.value for click in clicks], dtype=np.float64),
    )
