"""Live counts beside the pipeline: what lists are ranked with, and how this worker's clicks get into it.

A partition is counted from its claim on (`models.counts.count_records`): before its first click is counted here, the
claim is acknowledged, and everything before it is read. Nobody else's records count behind it.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from models.errors import BrokerError
from workers.click_counting import ClickCounting
from workers.computed_batch import ComputedBatch
from workers.events import OutgoingRecord
from workers.ports import Ownership, RecordWriter
from workers.served_counts import ServedCounts


async def nobody_follows(end: int) -> None:
    """Refuse to wait: whoever only computes lists follows no counts topic, and publishes nothing.

    Raises:
        BrokerError: Always.
    """
    raise BrokerError(f"Nobody reads the counts topic, also not to offset {end}: its partitions cannot be counted.")


class CountsBeside(NamedTuple):
    """Live counts beside a pipeline.

    Attributes:
        served: What lists are ranked with.
        counting: Who counts this worker's clicks.
        caught_up: Waits until every record of the counts topic below an offset is folded into `served`.
    """

    served: ServedCounts
    counting: ClickCounting
    caught_up: Callable[[int], Awaitable[None]]

    async def records_of(
        self, batch: ComputedBatch, *, writer: RecordWriter, ownership: Ownership
    ) -> list[OutgoingRecord]:
        """Count a micro-batch's clicks, and return what has to be written then.

        Args:
            batch: It counts somewhere.
            writer: Who writes claims.
            ownership: Whether the partitions are still this worker's.

        Raises:
            BatchAbandoned: If they are not.
            BrokerError: If claims cannot be sent, or the counts topic cannot be read.
        """
        while claims := self.counting.claims(batch.counted.keys()):
            # Behind the choice of an epoch: whoever has the partition by now chooses, or has chosen, a higher one.
            await ownership.confirm(batch.partitions)
            offsets = await (await writer.send(claims))
            await self.caught_up(offsets[self.counting.topic, claims[-1].partition] + 1)
            self.counting.begin_claimed()
        return self.counting.records(batch.counted)
