"""Workers that were taken for dead write on: whatever lands wherever, what they counted is counted once."""

from collections.abc import Sequence
from random import Random

import pytest

from models.counts.count_records import Chunk, ChunkKey, claim, encode_chunk
from models.counts.counts_fold import CountsFold
from models.counts.partition_counter import PartitionCounter
from tests.counted_clicks import sums
from tests.models.counts.made_clicks import MadeClick
from tests.models.counts.test_counting_records import (
    END,
    HASHES,
    RECIPE,
    assert_counts_of,
    count,
    counted_plainly,
    fold_of,
    make_clicks,
)

PARTITION = 3
Records = list[tuple[ChunkKey, Chunk]]


class Partition:
    """A source partition, the counts topic, and what is on its way to it.

    Attributes:
        topic: What has arrived, in its order.
        late: What each worker that was taken for dead still has on its way, in its order.
        saved: Clicks below it are in durable states, and so in records that were acknowledged before.
    """

    def __init__(self, clicks: Sequence[MadeClick], random: Random) -> None:
        self.topic: Records = []
        self.late: list[Records] = []
        self.saved = 0
        self._clicks = clicks
        self._random = random
        self._epoch = 0

    def deliver(self, share: float) -> None:
        """Let some of what is late arrive."""
        for records in self.late:
            while records and self._random.random() < share:
                self.topic.append(records.pop(0))

    def take_over(self) -> PartitionCounter:
        """Choose an epoch, claim the partition, read what is before the claim, go on from there."""
        self._epoch += 1
        self.deliver(0.2)
        self.topic.append(claim(RECIPE.bucket_ms, PARTITION, self._epoch))
        fold = fold_of(self.topic)
        self.deliver(0.2)
        counter = PartitionCounter(PARTITION, RECIPE, epoch=self._epoch, clicks_per_chunk=9)
        counter.resume(fold.open_chunks(PARTITION))
        return counter

    def count(self, counter: PartitionCounter, start: int) -> tuple[Records, int]:
        """Count the next micro-batch; return what is to be written, and where it ends."""
        end = min(len(self._clicks), start + self._random.randrange(1, 25))
        if start < end:
            count(counter, self._clicks[max(start, self.saved) : end])
        return counter.take_changed(), end

    def hang(self, counter: PartitionCounter, written: Records, start: int) -> None:
        """Have a part of it arrive; the worker counts a few micro-batches more, and all of that may arrive late."""
        cut = self._random.randrange(len(written) + 1)
        self.topic += written[:cut]
        late = written[cut:]
        for _ in range(self._random.randrange(4)):
            more, start = self.count(counter, start)
            late += more
        self.late.append(late)


@pytest.mark.parametrize("step_ms", [40, 400])
@pytest.mark.parametrize("seed", range(25))
def test_what_arrives_late_changes_nothing(seed: int, step_ms: int) -> None:
    """Several such workers at a time, some further than their successors; clicks a chunk, and clicks a bucket apart."""
    random = Random(seed)
    clicks = [
        click._replace(
            timestamp_ms=max(0, click.offset * step_ms - random.choice([0, 0, 900, 7_000])),
            recorded_ms=click.offset * step_ms,
        )
        for click in make_clicks(seed, count=200)
    ]
    partition, position = Partition(clicks, random), 0
    counter = partition.take_over()
    while position < len(clicks):
        written, end = partition.count(counter, position)
        if random.random() < 0.25:
            partition.hang(counter, written, end)
            counter, position = partition.take_over(), random.randint(max(0, partition.saved - 10), partition.saved)
            continue
        partition.topic += written
        partition.deliver(0.1)
        partition.saved = max(partition.saved, end)
        position = end
    partition.deliver(0.9)
    assert sum(map(len, partition.late)) < len(partition.topic)
    assert_counts_of(fold_of([*partition.topic, (END, partition.topic[-1][1])]), counted_plainly(clicks))
    expected = {
        (PARTITION, number, int(HASHES[item])): count
        for number, contents in counted_plainly(clicks).items()
        for item, count in zip(contents.item.tolist(), contents.clicks.tolist(), strict=True)
    }
    assert sums((key.encode(), encode_chunk(chunk)) for key, chunk in partition.topic).clicks == expected


def test_a_claim_counts_nothing_and_begins_no_bucket() -> None:
    """It only ends the epoch before it."""
    counter = PartitionCounter(PARTITION, RECIPE, epoch=4)
    count(counter, [MadeClick(0, "u", int(HASHES[0]), (), 5_000, 5_000)])
    ((key, chunk),) = counter.take_changed()
    fold = CountsFold(RECIPE, HASHES)
    assert not fold.apply(0, *claim(RECIPE.bucket_ms, PARTITION, 5))
    assert not fold.apply(1, key, chunk)
    assert (fold.newest_bucket, fold.newest_epoch(PARTITION)) == (None, 5)
