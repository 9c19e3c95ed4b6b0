"""A stream of fetched batches as a stream of micro-batches: what is there, never waiting for a batch to fill."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import cast

from aiokafka import ConsumerRecord
from faust.types import TP, ChannelT, StreamT

from workers.batch_consumer import batch_consumer
from workers.events import ClickRecord
from workers.fetched_records import Era, FetchedRecords


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """Records that are processed together.

    Attributes:
        records: In offset order within each partition, at least one.
        next_offsets: What may be committed once they are processed, by partition.
        era: When they were fetched.
    """

    records: list[ClickRecord]
    next_offsets: dict[TP, int]
    era: Era


async def micro_batches(stream: StreamT[FetchedRecords], max_records: int) -> AsyncIterator[MicroBatch]:
    """Yield what has arrived: whole fetches, at least one, none added once there are `max_records`.

    What was fetched in an older era of the consumer is left out: the seek that ended that era brings it again.
    """
    fetches = aiter(stream)
    queue = cast(ChannelT[FetchedRecords], stream.channel).queue
    async for fetch in fetches:
        arrived = [fetch]
        while sum(one.record_count for one in arrived) < max_records and not queue.empty():
            following = await anext(fetches, None)
            if following is None:
                break
            arrived.append(following)
        era = batch_consumer(stream.app).era
        batch = _micro_batch((fetch for fetch in arrived if fetch.era == era), era)
        if batch.records:
            yield batch


def _micro_batch(fetches: Iterable[FetchedRecords], era: Era) -> MicroBatch:
    batch = MicroBatch([], {}, era)
    for fetch in fetches:
        for tp, records in fetch.by_partition.items():
            batch.records.extend(_click_record(tp, record) for record in records)
            batch.next_offsets[tp] = records[-1].offset + 1
    return batch


def _click_record(tp: TP, record: ConsumerRecord) -> ClickRecord:
    # By position: half the time of naming the fields, once a click.
    return ClickRecord(
        tp.topic, tp.partition, record.offset, record.timestamp, record.key, record.value, tuple(record.headers)
    )
