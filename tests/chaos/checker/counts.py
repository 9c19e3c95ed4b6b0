"""The counts topic, decoded from the layout that version 1 documents, and what is left of it by the rule of claims."""

import struct
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.chaos.checker.records import TopicRecord

VERSION = 1
# The bucket of a record that counts nothing: its writer takes the partition over.
CLAIM = -(1 << 63)
_KEY = struct.Struct(">BIIqIq")
_HEAD = struct.Struct("<Bq")
_ITEM, _PAIR, _MARK = struct.Struct("<QII"), struct.Struct("<III"), struct.Struct("<QII")

# Source partition and bucket, and then an item's hash, or two of them.
CountOf = tuple[int, ...]


@dataclass
class Sums:
    """What was counted, by source partition, bucket and item or pair of items.

    Attributes:
        clicks: Of items.
        users: Of items: by how many.
        transitions: Of an item and the next.
        cooccurrences: Of two items, the lower hash first.
    """

    clicks: Counter[CountOf] = field(default_factory=Counter)
    users: Counter[CountOf] = field(default_factory=Counter)
    transitions: Counter[CountOf] = field(default_factory=Counter)
    cooccurrences: Counter[CountOf] = field(default_factory=Counter)


class CountsKey(NamedTuple):
    """What a record stands for."""

    bucket_ms: int
    partition: int
    bucket: int
    chunk: int
    epoch: int


class Snapshot(NamedTuple):
    """What a list names: the newest bucket before an offset at which a newer one begins."""

    bucket: int
    offset: int


def standing(records: Iterable[TopicRecord], bucket_ms: int) -> list[tuple[CountsKey, TopicRecord]]:
    """Return the records that count: none behind the claim of a higher epoch, the claims themselves left out."""
    epoch_of: dict[int, int] = {}
    found = []
    for record in records:
        key = decode_key(record.key)
        if key.bucket_ms != bucket_ms or key.epoch < epoch_of.get(key.partition, key.epoch):
            continue
        epoch_of[key.partition] = key.epoch
        if key.bucket != CLAIM:
            found.append((key, record))
    return found


def snapshots(records: Sequence[tuple[CountsKey, TopicRecord]]) -> set[Snapshot]:
    """Return every snapshot that a list may name."""
    found: set[Snapshot] = set()
    newest: int | None = None
    for key, record in records:
        if newest is not None and key.bucket > newest:
            found.add(Snapshot(newest, record.offset))
        newest = key.bucket if newest is None else max(newest, key.bucket)
    return found


def published(records: Sequence[tuple[CountsKey, TopicRecord]]) -> Sums:
    """Add up the newest record of every chunk.

    Raises:
        ValueError: If one is not what the layout says.
    """
    newest = {(key.partition, key.bucket, key.chunk): record for key, record in records}
    total = Sums()
    for (partition, bucket, _), record in newest.items():
        _add(total, (partition, bucket), record.value or b"")
    return total


def decode_key(key: bytes | None) -> CountsKey:
    """Decode a key.

    Raises:
        ValueError: If it is none.
    """
    if key is None or len(key) != _KEY.size or key[0] != VERSION:
        raise ValueError(f"{key!r} is no key of the counts topic")
    return CountsKey(*_KEY.unpack(key)[1:])


def _add(total: Sums, place: tuple[int, int], value: bytes) -> None:
    if value[:1] != bytes([VERSION]) or zlib.crc32(value[:-4]) != struct.unpack("<I", value[-4:])[0]:
        raise ValueError(f"a record of partition {place[0]}, bucket {place[1]} is damaged")
    position = _HEAD.size
    tables = []
    for row in (_ITEM, _PAIR, _PAIR, _MARK):
        (size,) = struct.unpack_from("<I", value, position)
        end = position + 4 + size * row.size
        tables.append(list(row.iter_unpack(value[position + 4 : end])))
        position = end
    items, transitions, cooccurrences, _ = tables
    for item, clicks, users in items:
        total.clicks[*place, item] += clicks
        total.users[*place, item] += users
    for first, second, count in transitions:
        total.transitions[*place, items[first][0], items[second][0]] += count
    for one, other, count in cooccurrences:
        total.cooccurrences[*place, *sorted((items[one][0], items[other][0]))] += count
