"""What one fetch brought of a batch topic, on its way to the agent as one event."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

from aiokafka import ConsumerRecord
from faust.types import TP
from faust.types.tuples import ConsumerMessage


class Era(NamedTuple):
    """What a fetch belongs to; a rebalance begins a new one, and so does a seek to the committed offsets.

    Attributes:
        generation: The consumer generation.
        seeks: How often the consumer has sought to its committed offsets.
    """

    generation: int
    seeks: int


class FetchedRecords(NamedTuple):
    """What one fetch brought of a batch topic: the value of an event.

    Attributes:
        by_partition: Each partition's records in offset order, at least one.
        era: When they were fetched; `BatchConsumer.era` is another one once they will be fetched again.
    """

    by_partition: Mapping[TP, Sequence[ConsumerRecord]]
    era: Era

    @property
    def record_count(self) -> int:
        """How many records these are."""
        return sum(map(len, self.by_partition.values()))


def batch_message(fetched: FetchedRecords) -> ConsumerMessage:
    """Return the one message of a fetch; its value is the fetch itself, its place that of one of the partitions."""
    tp, records = next(iter(fetched.by_partition.items()))
    first = records[0]
    return ConsumerMessage(
        tp.topic,
        tp.partition,
        first.offset,
        first.timestamp / 1000,
        first.timestamp_type,
        None,
        None,
        # Faust's type says bytes; the topic's raw codec hands on what it is given.
        cast(bytes, fetched),
        None,
        0,
        0,
        tp,
        generation_id=fetched.era.generation,
    )
