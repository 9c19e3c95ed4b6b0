"""Counting a partition into records, interrupted anywhere, and reading the records again."""

from collections import defaultdict
from random import Random

import numpy as np
import pytest

from models.counts.buckets import BucketBuilder, CountsBucket, summed
from models.counts.count_records import Chunk, ChunkKey, decode_chunk, decode_key, encode_chunk
from models.counts.counts_fold import CountsFold, Snapshot
from models.counts.partition_counter import CountedClick, PartitionCounter
from models.counts.recipe import CountsRecipe
from models.errors import CountsRecordError

ITEMS = 12
HASHES = np.array([1000 - 7 * item for item in range(ITEMS)], np.uint64)
RECIPE = CountsRecipe(bucket_ms=1_000, clicks_per_user=2, session_reach=3)


def make_clicks(seed: int, *, count: int = 400) -> list[CountedClick]:
    """Draw a partition's clicks, mostly in order of time, each with what its user clicked before."""
    random, before = Random(seed), defaultdict[str, list[int]](list)
    clicks = []
    for offset in range(count):
        user, item = f"u{random.randrange(6)}", int(HASHES[random.randrange(ITEMS)])
        timestamp_ms = offset * 40 - random.choice([0, 0, 0, 900, 7_000])
        clicks.append(CountedClick(offset, user, item, tuple(before[user][-5:]), max(0, timestamp_ms), offset * 40))
        before[user].append(item)
        if random.random() < 0.1:
            before[user].clear()
    return clicks


def counted_plainly(clicks: list[CountedClick]) -> dict[int, CountsBucket]:
    """Count without chunks, records or interruptions."""
    row = {int(item_hash): index for index, item_hash in enumerate(HASHES)}
    builder = BucketBuilder(RECIPE, open_buckets=6)
    found: dict[int, CountsBucket] = {}
    for click in clicks:
        builder.count(click.user, row[click.item_hash], [row[one] for one in click.before], click.timestamp_ms)
        found.update(builder.closed())
    return {**found, **dict(builder.drain())}


def sums_of(log: dict[ChunkKey, bytes]) -> dict[int, CountsBucket]:
    """Sum a topic's buckets over their chunks."""
    fold = CountsFold(RECIPE, HASHES)
    parts = defaultdict(list)
    for key, value in log.items():
        parts[key.bucket].append(fold._contents(decode_chunk(value), 1))
    return {bucket: summed(contents) for bucket, contents in parts.items()}


def assert_same(found: dict[int, CountsBucket], expected: dict[int, CountsBucket]) -> None:
    assert sorted(found) == sorted(expected)
    for bucket, contents in expected.items():
        other = found[bucket]
        order = np.argsort(other.item)
        assert other.item[order].tolist() == contents.item.tolist()
        assert other.clicks[order].tolist() == contents.clicks.tolist()
        assert other.users[order].tolist() == contents.users.tolist()
        for name in ("transitions", "cooccurrences"):
            pairs, wanted = getattr(other, name), getattr(contents, name)
            assert sorted(zip(pairs.first, pairs.second, pairs.count, strict=True)) == sorted(
                zip(wanted.first, wanted.second, wanted.count, strict=True)
            )


@pytest.mark.parametrize("seed", range(20))
def test_buckets_are_exact_wherever_the_counting_was_interrupted(seed: int) -> None:
    """Any part of the last records is durable, clicks come again from before: each is counted once."""
    clicks, random = make_clicks(seed), Random(seed)
    topic: dict[ChunkKey, bytes] = {}
    counter, offset = PartitionCounter(3, RECIPE, clicks_per_chunk=9), 0
    while offset < len(clicks):
        end = min(len(clicks), offset + random.randrange(1, 60))
        for click in clicks[offset:end]:
            counter.count(click)
        written = [(key, encode_chunk(chunk)) for key, chunk in counter.take_changed()]
        if random.random() < 0.3:
            topic.update(written[: random.randrange(len(written) + 1)])
            counter = PartitionCounter(3, RECIPE, clicks_per_chunk=9)
            counter.resume((key, decode_chunk(value)) for key, value in topic.items())
            continue
        topic.update(written)
        offset = end
    assert_same(sums_of(topic), counted_plainly(clicks))


def test_what_is_read_is_what_was_written() -> None:
    """Key and value, byte for byte."""
    counter = PartitionCounter(3, RECIPE)
    for click in make_clicks(0, count=20):
        counter.count(click)
    for key, chunk in counter.take_changed():
        assert decode_key(key.encode()) == key
        assert encode_chunk(decode_chunk(encode_chunk(chunk))) == encode_chunk(chunk)


def test_a_click_from_the_future_does_not_close_the_buckets() -> None:
    """Its time lies far ahead of when Kafka had it: it is left out, and the next click counts."""
    counter = PartitionCounter(0, RECIPE)
    counter.count(CountedClick(0, "u", 1000, (), 90_000_000, 5_000))
    counter.count(CountedClick(1, "u", 1000, (), 5_000, 5_000))
    assert [key.bucket for key, _ in counter.take_changed()] == [5]
    assert counter.early_clicks == 1


@pytest.mark.parametrize("change", ["cut", "flip", "version", "empty"])
def test_a_damaged_record_is_refused(change: str) -> None:
    """It says what is wrong with it."""
    counter = PartitionCounter(0, RECIPE)
    counter.count(CountedClick(0, "u", 1000, (993,), 5_000, 5_000))
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
    counters = [PartitionCounter(number, RECIPE, clicks_per_chunk=9) for number in range(partitions)]
    streams = [make_clicks(10 + number) for number in range(partitions)]
    records = []
    for start in range(0, 400, 25):
        for counter, clicks in zip(counters, streams, strict=True):
            for click in clicks[start : start + 25]:
                counter.count(click)
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
    end = ChunkKey(RECIPE.bucket_ms, 0, 10_000, 0)
    fold.apply(len(records), end, records[0][1])
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
