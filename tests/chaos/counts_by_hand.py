"""Topics as workers without a mistake would have left them where everyone's clicks are counted, written out by hand.

One source partition, buckets of a second, and a user counts once for an item in a bucket. A worker counts the clicks up
to offset 2 and hangs; another one claims the partition and goes on; then the first one wakes up and writes once more.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from models.counts.count_records import (
    ITEM_DTYPE,
    MARK_DTYPE,
    PAIR_DTYPE,
    Chunk,
    ChunkKey,
    claim,
    encode_chunk,
)
from tests.chaos.checker.counts import Snapshot
from tests.chaos.checker.model import CheckedModel, eight_byte_hash
from tests.chaos.checker.records import Observed, TopicRecord
from tests.chaos.topics_by_hand import answered
from tests.click_tables import MAY_2024_MS

BUCKET_MS = 1_000
RECIPE = {"useless": False, "bucket_ms": BUCKET_MS, "session_reach": 10, "clicks_per_user": 1}
FIRST_BUCKET = MAY_2024_MS // BUCKET_MS
HUNG, WELL = 5, 9  # epochs

# User, item, bucket behind the first one, bucket when Kafka had it.
CLICKS: Sequence[tuple[str, str, int, int]] = (
    ("ann", "item-01", 0, 0),
    ("bob", "item-02", 0, 0),
    ("ann", "item-03", 1, 1),
    ("ann", "item-05", 1, 1),
    ("bob", "item-04", 1, 1),
    ("ann", "item-03", 1, 1),  # counts no more: ann has counted for it in this bucket
    ("cat", "item-07", 8, 8),
    ("bob", "item-05", 1, 8),  # late
    ("dan", "item-01", 20, 8),  # early
    ("eve", "item-02", 8, 8),  # without consent
    ("bob", "unheard-of", 8, 8),
)
WITHOUT_CONSENT = "eve"


@dataclass(frozen=True)
class ByHand:
    """What a chunk says.

    Attributes:
        next_offset: Clicks below it are counted.
        items: Clicks and users of each.
        transitions: Each once.
        cooccurrences: Each once.
    """

    next_offset: int
    items: Mapping[str, tuple[int, int]]
    transitions: Sequence[tuple[str, str]] = field(default=())
    cooccurrences: Sequence[tuple[str, str]] = field(default=())

    def encoded(self) -> bytes:
        """Encode it as a worker does; the marks of users are the worker's own affair."""
        row = {item: number for number, item in enumerate(self.items)}
        items = [(eight_byte_hash(item), clicks, users) for item, (clicks, users) in self.items.items()]
        transitions, cooccurrences = (
            np.array([(row[one], row[other], 1) for one, other in pairs], PAIR_DTYPE)
            for pairs in (self.transitions, self.cooccurrences)
        )
        nobody = np.empty(0, MARK_DTYPE)
        return encode_chunk(Chunk(self.next_offset, np.array(items, ITEM_DTYPE), transitions, cooccurrences, nobody))


ZERO = ByHand(2, {"item-01": (1, 1), "item-02": (1, 1)})
# As far as the hung worker came, and what it had on its way.
BEGUN = ByHand(3, {"item-01": (0, 0), "item-03": (1, 1)}, [("item-01", "item-03")], [("item-01", "item-03")])
ON_ITS_WAY = ByHand(
    4,
    {"item-01": (0, 0), "item-03": (1, 1), "item-05": (1, 1)},
    [("item-01", "item-03"), ("item-03", "item-05")],
    [("item-01", "item-03"), ("item-05", "item-01"), ("item-05", "item-03")],
)
ONE = ByHand(
    5,
    {"item-01": (0, 0), "item-02": (0, 0), "item-03": (1, 1), "item-04": (1, 1), "item-05": (1, 1)},
    [*ON_ITS_WAY.transitions, ("item-02", "item-04")],
    [*ON_ITS_WAY.cooccurrences, ("item-02", "item-04")],
)
EIGHT = ByHand(7, {"item-07": (1, 1)})
# Offset in the counts topic of the newest record of bucket one, of bucket eight, and of the one that came too late.
OF_ONE, OF_EIGHT, TOO_LATE = 6, 7, 4
# The snapshots that there are: before offset 2 begins bucket one, before offset 7 bucket eight.
OLDER, NEWER = Snapshot(FIRST_BUCKET, 2), Snapshot(FIRST_BUCKET + 1, 7)


def make_counted_topics(model: CheckedModel) -> Observed:
    """Make the topics; a list names the newest snapshot, those of the first two clicks none."""
    observed = answered([_click_record(offset, *click) for offset, click in enumerate(CLICKS)], model)
    named = [None, None, *[OLDER] * 4, *[NEWER] * 5]
    return replace(
        observed,
        lists=[naming(record, snapshot) for record, snapshot in zip(observed.lists, named, strict=True)],
        counts=[
            _claim_record(0, HUNG),
            counts_record(1, 0, HUNG, ZERO),
            counts_record(2, 1, HUNG, BEGUN),
            _claim_record(3, WELL),
            counts_record(TOO_LATE, 1, HUNG, ON_ITS_WAY),
            counts_record(5, 0, WELL, ZERO),
            counts_record(OF_ONE, 1, WELL, ONE),
            counts_record(OF_EIGHT, 8, WELL, EIGHT),
        ],
    )


def counts_record(offset: int, bucket: int, epoch: int, chunk: ByHand, *, number: int = 0) -> TopicRecord:
    """Make a record of the counts topic; buckets count from the first one, chunks of a bucket from 0."""
    key = ChunkKey(BUCKET_MS, 0, FIRST_BUCKET + bucket, number, epoch)
    return TopicRecord(0, offset, MAY_2024_MS, key.encode(), chunk.encoded())


def naming(record: TopicRecord, snapshot: Snapshot | None) -> TopicRecord:
    """Make a list name the counts that it was ranked with."""
    body = {**json.loads(record.value or b""), "counts": None if snapshot is None else snapshot._asdict()}
    return record._replace(value=json.dumps(body).encode())


def _claim_record(offset: int, epoch: int) -> TopicRecord:
    key, chunk = claim(BUCKET_MS, 0, epoch)
    return TopicRecord(0, offset, MAY_2024_MS, key.encode(), encode_chunk(chunk))


def _click_record(offset: int, user_id: str, item_id: str, bucket: int, recorded: int) -> TopicRecord:
    fields = {
        "user_id": user_id,
        "item_id": item_id,
        "timestamp_ms": MAY_2024_MS + bucket * BUCKET_MS,
        "consent": user_id != WITHOUT_CONSENT,
    }
    recorded_ms = MAY_2024_MS + recorded * BUCKET_MS
    return TopicRecord(0, offset, recorded_ms, user_id.encode(), json.dumps(fields).encode())
