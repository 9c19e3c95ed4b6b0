"""Where a partition ends, as a fetch tells it: what a restore has to reach."""

import time
from collections.abc import Collection, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition

# A partition's last record may be gone, compacted or deleted: then nothing comes, and the named end holds.
LAST_BATCH_TIMEOUT_S = 1.0
# The whole last batch, also of a consumer that takes few records at a time.
_ALL_RECORDS = 1 << 31


async def true_ends(consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
    """Return the offset behind each partition's last record; the consumer's positions are changed.

    The embedded broker, asked for the end, names the offset behind the FIRST record of the last batch; a restore up to
    there would lose states. The batch itself tells the truth: the record before the named end is fetched, which on
    Apache Kafka is there at once and changes nothing.
    """
    ends: dict[TopicPartition, int] = dict(await consumer.end_offsets(partitions))
    waiting = {tp for tp, end in ends.items() if end > 0}
    for tp in waiting:
        consumer.seek(tp, ends[tp] - 1)
    deadline = time.monotonic() + LAST_BATCH_TIMEOUT_S
    while waiting and time.monotonic() < deadline:
        fetched = await consumer.getmany(*waiting, timeout_ms=20, max_records=_ALL_RECORDS)
        for tp, records in fetched.items():
            ends[tp] = max(ends[tp], records[-1].offset + 1)
            waiting.discard(tp)
    return ends
