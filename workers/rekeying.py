"""Clicks that are not keyed by their user go through an internal topic first, keyed by him.

A state belongs to a partition, and the key decides the partition. Where the producer keys its clicks otherwise, this
agent writes each again, bytes untouched, under its user's key. That step is at-least-once: a crash between its
acknowledgement and its commit writes a click again, at a new offset, and it is applied twice.
"""

from collections import Counter
from collections.abc import Sequence

from aiokafka.partitioner import DefaultPartitioner

from workers.decoding import ClickDecoder
from workers.events import ClickEvent, ClickRecord, OutgoingRecord, Rejection, RejectionReason
from workers.messages import HEADER_PREFIX, dead_letter_record
from workers.ports import RecordWriter


class Rekeyer:
    """Writes the records of the click topic to the re-keyed topic.

    Args:
        decoder: Finds the user; rejects what is no click. Does not check the key.
        writer: Writes and awaits the acknowledgements.
        rekeyed_topic: Where to.
        partitions: How many partitions that topic has.
        dead_letter_topic: Where rejected records go.
        dead_letter_partitions: How many partitions that topic has.
    """

    def __init__(
        self,
        *,
        decoder: ClickDecoder,
        writer: RecordWriter,
        rekeyed_topic: str,
        partitions: int,
        dead_letter_topic: str,
        dead_letter_partitions: int,
    ) -> None:
        self._decoder = decoder
        self._writer = writer
        self._rekeyed_topic = rekeyed_topic
        self._partitions = list(range(partitions))
        self._dead_letter_topic = dead_letter_topic
        self._dead_letter_partitions = dead_letter_partitions
        # Java's default for a keyed record (murmur2), so that a re-keyed topic looks like a well-keyed one.
        self._partition_of = DefaultPartitioner()

    async def process(self, records: Sequence[ClickRecord]) -> tuple[int, Counter[RejectionReason]]:
        """Re-key a micro-batch.

        Returns:
            How many records were sent on, and how many became dead letters, by reason.

        Raises:
            BrokerError: If a record was not acknowledged.
        """
        decoded = [self._decoder.decode(record) for record in records]
        rejections = [one for one in decoded if isinstance(one, Rejection)]
        outgoing = [self._rekeyed(one) for one in decoded if isinstance(one, ClickEvent)]
        outgoing += [
            dead_letter_record(one, topic=self._dead_letter_topic, partitions=self._dead_letter_partitions)
            for one in rejections
        ]
        await (await self._writer.send(outgoing))
        return len(records) - len(rejections), Counter(one.reason for one in rejections)

    def _rekeyed(self, click: ClickEvent) -> OutgoingRecord:
        key = click.user_id.encode()
        record = click.record
        origin = (
            ("source.topic", record.topic),
            ("source.partition", record.partition),
            ("source.offset", record.offset),
        )
        return OutgoingRecord(
            topic=self._rekeyed_topic,
            partition=self._partition_of(key, self._partitions, self._partitions),
            key=key,
            value=record.value,
            headers=(*record.headers, *((HEADER_PREFIX + name, str(text).encode()) for name, text in origin)),
        )
