"""Counting a partition into records, interrupted anywhere, and reading the records again."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from random import Random

import numpy as np
import pytest

from models.counts.buckets import CountsBucket
from models.counts.count_records import Chunk, ChunkKey, claim, decode_chunk, decode_key, encode_chunk
from models.counts.counts_fold import CountsFold, Snapshot
from models.counts.live_counts import LiveCounts
from models.counts.partition_counter import CountOutcome, PartitionCounter
from models.counts.recipe import CountsRecipe
from models.errors import CountsRecordError
from tests.models.counts.made_clicks import MadeClick, columns_of
from tests.models.counts.plain_buckets import BucketBuilder

ITEMS = 12
HASHES = np.array([1000 - 7 * item for item in range(ITEMS)], np.uint64)
END = ChunkKey(1_000, 9, 10_000, 0, 1)
RECIPE = CountsRecipe(bucket_ms=1_000, clicks_per_user=2, session_reach=3)


def make_clicks(seed: int, *, count: int = 400) -> list[MadeClick]:
    """Draw a partition's clicks, mostly in order of time, each with what its user clicked before."""
    random, before = Random(seed), defaultdict[str, list[int]](list)
    clicks = []
    for offset in range(count):
        user, item = f"u{random.randrange(6)}", int(HASHES[random.randrange(ITEMS)])
        timestamp_ms = offset * 40 - random.choice([0, 0, 0, 900, 7_000])
        clicks.append(MadeClick(offset, user, item, tuple(before[user][-5:]), max(0, timestamp_ms), offset * 40))
        before[user].append(item)
        if random.random() < 0.1:
            before[user].clear()
    return clicks


def count(counter: PartitionCounter, clicks: Sequence[MadeClick]) -> Counter[CountOutcome]:
    """Count some clicks together."""
    return counter.count(columns_of(clicks, reach=RECIPE.session_reach))


def counted_plainly(clicks: list[MadeClick]) -> dict[int, CountsBucket]:
    """Count without chunks, records or interruptions."""
    row = {int(item_hash): index for index, item_hash in enumerate(HASHES)}
    builder = BucketBuilder(RECIPE, open_buckets=6)
    found: dict[int, CountsBucket] = {}
    for click in clicks:
        builder.count(click.user, row[click.item_hash], [row[one] for one in click.before], click.timestamp_ms)
        found.update(builder.closed())
    return {**found, **dict(builder.drain())}


def fold_of(records: Iterable[tuple[ChunkKey, Chunk]]) -> CountsFold:
    """Read a topic from its beginning."""
    fold = CountsFold(RECIPE, HASHES)
    for offset, (key, chunk) in enumerate(records):
        fold.apply(offset, key, decode_chunk(encode_chunk(chunk)))
    return fold


def assert_counts_of(fold: CountsFold, buckets: dict[int, CountsBucket]) -> None:
    """What is read is every bucket, weighed by its age."""
    assert fold.snapshot is not None
    expected = LiveCounts(RECIPE, ITEMS)
    for number, contents in sorted(buckets.items()):
        expected.add(number, contents)
    expected.advance(fold.snapshot.bucket)
    assert fold.counts.popularity() == pytest.approx(expected.popularity())
    for item in range(ITEMS):
        for name in ("transitions", "cooccurrences"):
            found, wanted = (
                dict(zip(*getattr(counts, name).row(item, ITEMS), strict=True)) for counts in (fold.counts, expected)
            )
            assert found == pytest.approx(wanted)


@pytest.mark.parametrize("seed", range(20))
def test_buckets_are_exact_wherever_the_counting_was_interrupted(seed: int) -> None:
    """Any part of the last records is durable, clicks come again from before: each is counted once."""
    clicks, random = make_clicks(seed), Random(seed)
    topic: list[tuple[ChunkKey, Chunk]] = []
    counter, offset, epoch = PartitionCounter(3, RECIPE, epoch=1, clicks_per_chunk=9), 0, 1
    while offset < len(clicks):
        end = min(len(clicks), offset + random.randrange(1, 60))
        count(counter, clicks[offset:end])
        written = counter.take_changed()
        if random.random() < 0.3:
            durable, late = written[: (cut := random.randrange(len(written) + 1))], written[cut:]
            fold = fold_of([*topic, *durable])
            epoch += 1
            counter = PartitionCounter(3, RECIPE, epoch=epoch, clicks_per_chunk=9)
            counter.resume(fold.open_chunks(3))
            # The one before was not dead: now and then the rest arrives after it was given up.
            topic += [*durable, claim(RECIPE.bucket_ms, 3, epoch), *(late if random.random() < 0.5 else [])]
            continue
        topic += written
        offset = end
    compacted = [
        (key, chunk) for at, (key, chunk) in enumerate(topic) if key not in {one for one, _ in topic[at + 1 :]}
    ]
    for log in (topic, compacted):
        assert_counts_of(fold_of([*log, (END, log[0][1])]), counted_plainly(clicks))


def test_what_is_read_is_what_was_written() -> None:
    """Key and value, byte for byte."""
    counter = PartitionCounter(3, RECIPE, epoch=1)
    count(counter, make_clicks(0, count=20))
    for key, chunk in counter.take_changed():
        assert decode_key(key.encode()) == key
        assert encode_chunk(decode_chunk(encode_chunk(chunk))) == encode_chunk(chunk)


def test_a_click_from_the_future_does_not_close_the_buckets() -> None:
    """Its time lies far ahead of when Kafka had it: it is left out, and the next click counts."""
    counter = PartitionCounter(0, RECIPE, epoch=1)
    clicks = [MadeClick(0, "u", 1000, (), 90_000_000, 5_000), MadeClick(1, "u", 1000, (), 5_000, 5_000)]
    assert count(counter, clicks) == {CountOutcome.EARLY: 1, CountOutcome.COUNTED: 1}
    assert [key.bucket for key, _ in counter.take_changed()] == [5]


@pytest.mark.parametrize("change", ["cut", "flip", "version", "empty"])
def test_a_damaged_record_is_refused(change: str) -> None:
    """It says what is wrong with it."""
    counter = PartitionCounter(0, RECIPE, epoch=1)
    count(counter, [MadeClick(0, "u", 1000, (993,), 5_000, 5_000)])
    ((_, chunk),) = counter.take_changed()
    value = encode_chunk(chunk)
    damaged = {
        "cut": value[:-3],
        "flip": value[:20] + bytes([value[20] ^ 1]) + value[21:],
        "version": b"\x09" + value[1:],
        "empty": b"",
    }[change]
    with pytest.raises(CountsRecordError):
        decode_chunk(damaged)


def records_of(*, partitions: int = 2) -> list[tuple[ChunkKey, Chunk]]:
    """Count some partitions side by side, as their workers would write them."""
    counters = [PartitionCounter(number, RECIPE, epoch=1, clicks_per_chunk=9) for number in range(partitions)]
    streams = [make_clicks(10 + number) for number in range(partitions)]
    records = []
    for start in range(0, 400, 25):
        for counter, clicks in zip(counters, streams, strict=True):
            count(counter, clicks[start : start + 25])
            records += counter.take_changed()
    return records


def test_a_snapshot_is_where_a_newer_bucket_begins() -> None:
    """It names the newest bucket before, and the offset of the record that began the next."""
    fold = CountsFold(RECIPE, HASHES)
    records = records_of()
    seen, newest = [], -1
    for offset, (key, chunk) in enumerate(records):
        if fold.apply(offset, key, chunk):
            assert fold.snapshot == Snapshot(newest, offset)
            seen.append(fold.snapshot)
        newest = max(newest, key.bucket)
    assert len(seen) > 10
    assert fold.counts.bucket == seen[-1].bucket


def test_a_snapshot_holds_every_click_before_it() -> None:
    """Popularity, each bucket weighed by its age, is that of the plain counts of both partitions."""
    fold = CountsFold(RECIPE, HASHES)
    records = records_of()
    for offset, (key, chunk) in enumerate(records):
        fold.apply(offset, key, chunk)
    fold.apply(len(records), END, records[0][1])
    assert fold.snapshot is not None
    expected = np.zeros(ITEMS)
    for number in range(2):
        for bucket, contents in counted_plainly(make_clicks(10 + number)).items():
            age = fold.snapshot.bucket - bucket
            np.add.at(expected, contents.item, contents.clicks * 0.5 ** (age / RECIPE.popularity_half_life))
    assert fold.counts.popularity() == pytest.approx(expected)


def test_records_that_were_written_again_between_two_snapshots_do_not_matter() -> None:
    """Compacted away or not, the counts are the same bytes."""
    records = list(enumerate(records_of()))
    whole, compacted = CountsFold(RECIPE, HASHES), CountsFold(RECIPE, HASHES)
    boundaries = [offset for offset, (key, chunk) in records if whole.apply(offset, key, chunk)] + [len(records)]
    start = 0
    for end in boundaries:
        part = records[start:end]
        newest = {key: offset for offset, (key, _) in part}
        for offset, (key, chunk) in part:
            # The first stays: it is the one that begins the bucket.
            if newest[key] == offset or offset == start:
                compacted.apply(offset, key, chunk)
        start = end
    assert compacted.snapshot == whole.snapshot
    assert compacted.counts.popularity().tobytes() == whole.counts.popularity().tobytes()
    items = np.arange(ITEMS)
    for name in ("transitions", "cooccurrences"):
        for item in items.tolist():
            mine, theirs = (getattr(fold.counts, name).row(item, 9) for fold in (whole, compacted))
            assert mine.item.tolist() == theirs.item.tolist()
            assert mine.value.tobytes() == theirs.value.tobytes()


def test_whoever_takes_over_is_given_the_open_chunks() -> None:
    """Those of the partition alone, of its newest buckets, in their order."""
    fold = CountsFold(RECIPE, HASHES)
    records = records_of()
    for offset, (key, chunk) in enumerate(records):
        fold.apply(offset, key, chunk)
    keys = [key for key, _ in fold.open_chunks(1)]
    newest = max(key.bucket for key, _ in records if key.partition == 1)
    assert keys == sorted({key for key, _ in records if key.partition == 1 and key.bucket > newest - 6})
