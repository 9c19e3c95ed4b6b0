"""Everyone's clicks counted from the recording itself, and known to the lists a stated delay later.

A click is ranked with the buckets that had ended that long before it. Time is the clicks' own and never goes back: it
is that of the newest click so far, as for a worker that is never behind; a click that comes late is ranked with what is
known when it comes. One that lies far ahead of its record does not move time, and is not counted. So counts move on at
the same clicks however the recording is cut into micro-batches.

A snapshot is named by its bucket and by how many records of the recording came before it: there is no counts topic.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from models.counts.count_records import Chunk, ChunkKey, encode_chunk
from models.counts.counted_clicks import CountedClicks
from models.counts.partition_counter import PartitionCounter, is_early
from models.counts.recipe import CountsRecipe
from workers.decoding import ClickDecoder
from workers.events import ClickEvent, ClickRecord
from workers.served_counts import CountsRecord, ServedCounts

# Nobody takes a partition over in a simulation.
EPOCH = 1


class DelayedSnapshots:
    """Counts the recorded clicks.

    Args:
        recipe: How clicks are counted.
        decoder: Tells clicks and their times from other records.
        delay_ms: How long ago a bucket has to have ended.
    """

    def __init__(self, recipe: CountsRecipe, decoder: ClickDecoder, *, delay_ms: int) -> None:
        self._recipe = recipe
        self._decoder = decoder
        self._delay_ms = delay_ms
        self._now_ms: int | None = None
        self._counters: dict[int, PartitionCounter] = {}
        # By partition, the oldest bucket that was counted in since its chunks were taken.
        self._oldest_changed: dict[int, int] = {}
        # Counted, and not known to the lists yet.
        self._waiting: dict[ChunkKey, Chunk] = {}

    def batches(
        self, served: ServedCounts, records: Iterable[ClickRecord], most: int
    ) -> Iterator[Sequence[ClickRecord]]:
        """Yield the records in their order: `Snapshots.batches`."""
        batch: list[ClickRecord] = []
        known: int | None = None
        for place, record in enumerate(records):
            self._move_time(record)
            bucket = self._newest_known
            if bucket is not None and bucket != known:
                if batch:
                    yield batch
                    batch = []
                known = bucket
                self._move_on(served, bucket, place)
            batch.append(record)
            if len(batch) == most:
                yield batch
                batch = []
        if batch:
            yield batch

    def take(self, counted: Mapping[int, CountedClicks]) -> None:
        """Count a micro-batch's clicks: `Snapshots.take`."""
        for partition, clicks in counted.items():
            counter = self._counters.get(partition)
            if counter is None:
                counter = self._counters[partition] = PartitionCounter(partition, self._recipe, epoch=EPOCH)
            counter.count(clicks)
            bucket = int(clicks.timestamp_ms.min()) // self._recipe.bucket_ms
            self._oldest_changed[partition] = min(bucket, self._oldest_changed.get(partition, bucket))

    @property
    def _newest_known(self) -> int | None:
        """The newest bucket that had ended the delay before the present time."""
        return None if self._now_ms is None else (self._now_ms - self._delay_ms) // self._recipe.bucket_ms - 1

    def _move_time(self, record: ClickRecord) -> None:
        click = self._decoder.decode(record)
        if not isinstance(click, ClickEvent) or is_early(click.timestamp_ms, record.timestamp_ms, self._recipe):
            return
        self._now_ms = click.timestamp_ms if self._now_ms is None else max(click.timestamp_ms, self._now_ms)

    def _move_on(self, served: ServedCounts, bucket: int, place: int) -> None:
        """Let the lists know everything up to a bucket that was counted of the records before a place."""
        # Not with every bucket: to sum a chunk up costs more than to count its clicks.
        for partition in [one for one, oldest in self._oldest_changed.items() if oldest <= bucket]:
            self._waiting.update(self._counters[partition].take_changed())
            del self._oldest_changed[partition]
        come = sorted((key for key in self._waiting if key.bucket <= bucket), key=lambda key: (key.bucket, key))
        served.hand_over([CountsRecord(place, key.encode(), encode_chunk(self._waiting.pop(key))) for key in come])
        served.take_snapshot(place, bucket)
