"""Counts the clicks of a micro-batch, and makes the records of the counts topic that say so.

It is a part of step 6: counts are acknowledged with the lists, before any state is saved. So a click that is in a
durable state is in a durable record, and a click that comes again and is in no state is left out where its record was
durable.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.counts.count_records import Chunk, ChunkKey, claim, encode_chunk
from models.counts.counted_clicks import CountedClicks
from models.counts.partition_counter import CountOutcome, PartitionCounter
from models.counts.recipe import CountsRecipe
from models.sequences.vocabulary import ItemVocabulary
from workers.click_columns import ClickColumns
from workers.events import ClickEvent, OutgoingRecord
from workers.served_counts import known_first
from workers.state_arena import UNKNOWN_ITEM
from workers.stepping import NO_ROW, SteppedClicks
from workers.user_rows import UserKey


class DurableCounts(Protocol):
    """Knows what is durable of a source partition."""

    def open_chunks(self, partition: int) -> Iterable[tuple[ChunkKey, Chunk]]:
        """Return the chunks that whoever takes it over goes on from."""
        ...

    def newest_epoch(self, partition: int) -> int:
        """Return the epoch of whoever took it over last."""
        ...


class ClickCounting:
    """Counts every source partition of this worker.

    Args:
        recipe: How clicks are counted.
        vocabulary: Clicks of other items are not.
        topic: Where the records go; it has one partition, so that its offsets are one order.
        durable: What is counted already.
        without_consent: Whether clicks count whose users may not be remembered.
        claim_time: The moment of a claim, whoever takes a partition over later has a later one (`workers.claim_clock`),
            also where the claim of the one before him is still on its way.

    Attributes:
        topic: Where the records go.
    """

    def __init__(
        self,
        recipe: CountsRecipe,
        vocabulary: ItemVocabulary,
        *,
        topic: str,
        durable: DurableCounts,
        without_consent: bool,
        claim_time: Callable[[], int],
    ) -> None:
        self._recipe = recipe
        self._hashes = np.array(vocabulary.hashes, np.uint64)
        self.topic = topic
        self._durable = durable
        self._without_consent = without_consent
        self._claim_time = claim_time
        self._counters: dict[int, PartitionCounter] = {}
        # Epochs by source partition.
        self._claimed: dict[int, int] = {}
        self._outcomes: Counter[CountOutcome] = Counter()

    def forget(self) -> None:
        """Go on from what is durable: partitions have moved, or a micro-batch was abandoned."""
        self._counters.clear()
        self._claimed.clear()

    def counted(
        self, clicks: Sequence[ClickEvent], columns: ClickColumns, users: Sequence[UserKey], stepped: SteppedClicks
    ) -> dict[int, CountedClicks]:
        """Return which of a micro-batch's clicks count, by source partition, in their order.

        Args:
            clicks: The micro-batch's.
            columns: The same.
            users: Whose they are.
            stepped: Those that were not applied before.
        """
        counts = stepped.recent_index[:, 0] != UNKNOWN_ITEM
        if not self._without_consent:
            counts &= stepped.row != NO_ROW
        chosen = np.flatnonzero(counts)
        recent, length = self._of_session(stepped, chosen)
        # The newest last.
        is_before = np.arange(recent.shape[1] - 1, 0, -1) < length[:, None]
        position = stepped.position[chosen]
        positions = position.tolist()
        counted = CountedClicks(
            columns.offset[position],
            [users[one][1] for one in positions],
            columns.item_hash[position],
            self._hashes[recent[:, :0:-1][is_before]],
            length - 1,
            columns.timestamp_ms[position],
            np.array([clicks[one].record.timestamp_ms for one in positions], np.int64),
        )
        partition = columns.partition[position]
        return {one: counted.where(partition == one) for one in np.unique(partition).tolist()}

    def _of_session(
        self, stepped: SteppedClicks, chosen: NDArray[np.int64]
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return known items of these clicks' sessions, newest first, as far as pairs reach, and how many they are."""
        recent = stepped.recent_index[chosen]
        is_earlier = np.arange(recent.shape[1]) >= stepped.session_clicks[chosen, None]
        recent = known_first(np.where(is_earlier, np.int32(UNKNOWN_ITEM), recent))[:, : 1 + self._recipe.session_reach]
        length = (recent != UNKNOWN_ITEM).sum(axis=1)
        return recent[:, : length.max(initial=1)], length

    def claims(self, partitions: Collection[int]) -> list[OutgoingRecord]:
        """Return the claims of those of these source partitions that are not begun; see `begin_claimed`."""
        self._claimed = {
            partition: max(self._claim_time(), self._durable.newest_epoch(partition) + 1)
            for partition in sorted(partitions)
            if partition not in self._counters
        }
        return [self._record(*claim(self._recipe.bucket_ms, *claimed)) for claimed in self._claimed.items()]

    def begin_claimed(self) -> None:
        """Go on from what is durable where nobody's claim stands above ours, once everything before it is read."""
        for partition, epoch in self._claimed.items():
            if self._durable.newest_epoch(partition) == epoch:
                counter = self._counters[partition] = PartitionCounter(partition, self._recipe, epoch=epoch)
                counter.resume(self._durable.open_chunks(partition))

    def records(self, counted: Mapping[int, CountedClicks]) -> list[OutgoingRecord]:
        """Count clicks of partitions that are begun, and return what has to be written then."""
        changed: list[tuple[ChunkKey, Chunk]] = []
        for partition, clicks in counted.items():
            counter = self._counters[partition]
            self._outcomes += counter.count(clicks)
            changed += counter.take_changed()
        return [self._record(key, chunk) for key, chunk in changed]

    def take_outcomes(self) -> Mapping[CountOutcome, int]:
        """Return what became of the clicks since this was asked last."""
        outcomes, self._outcomes = self._outcomes, Counter()
        return outcomes

    def _record(self, key: ChunkKey, chunk: Chunk) -> OutgoingRecord:
        return OutgoingRecord(self.topic, 0, key.encode(), encode_chunk(chunk))
