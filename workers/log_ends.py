"""Where a partition ends, as a fetch tells it: what a restore has to reach."""

import time
from collections.abc import Collection, Mapping
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

# A partition's last record may be gone, compacted or deleted: then nothing comes, and the named end holds.
LAST_BATCH_TIMEOUT_S = 1.0
# The whole last batch, also of a consumer that takes few records at a time.
_ALL_RECORDS = 1 << 31


class LogEnd(NamedTuple):
    """The end of a partition.

    Attributes:
        offset: The offset behind its last record.
        last: That record; None where the partition is empty, or its last offset holds none.
    """

    offset: int
    last: ConsumerRecord | None


async def true_ends(
    consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition]
) -> Mapping[TopicPartition, LogEnd]:
    """Return the end of each partition; the consumer's positions are changed.

    The embedded broker, asked for the end, names the offset behind the FIRST record of the last batch; a restore up to
    there would lose states. The batch itself tells the truth: the record before the named end is fetched, which on
    Apache Kafka is there at once and changes nothing.
    """
    ends = {tp: LogEnd(offset, None) for tp, offset in (await consumer.end_offsets(partitions)).items()}
    waiting = {tp for tp, end in ends.items() if end.offset > 0}
    for tp in waiting:
        consumer.seek(tp, ends[tp].offset - 1)
    deadline = time.monotonic() + LAST_BATCH_TIMEOUT_S
    while waiting and time.monotonic() < deadline:
        fetched = await consumer.getmany(*waiting, timeout_ms=20, max_records=_ALL_RECORDS)
        for tp, records in fetched.items():
            ends[tp] = LogEnd(max(ends[tp].offset, records[-1].offset + 1), records[-1])
            waiting.discard(tp)
    return ends
