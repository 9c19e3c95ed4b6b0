"""A stream of events as a stream of micro-batches: what is there, never waiting for a batch to fill."""

from collections.abc import AsyncIterator
from typing import cast

from faust.types import ChannelT, EventT, StreamT


async def micro_batches(stream: StreamT[bytes], max_records: int) -> AsyncIterator[list[EventT[bytes]]]:
    """Yield the events that have arrived, at least one and at most `max_records`, in their order.

    An event that an older consumer generation had fetched is left out: the rebalance that ended that generation seeks
    to the committed offsets, and it is fetched again.
    """
    events = aiter(stream.events())
    queue = cast(ChannelT[bytes], stream.channel).queue
    async for event in events:
        batch = [event]
        while len(batch) < max_records and not queue.empty():
            following = await anext(events, None)
            if following is None:
                break
            batch.append(following)
        generation = stream.app.consumer_generation_id
        current = [event for event in batch if event.message.generation_id == generation]
        if current:
            yield current
