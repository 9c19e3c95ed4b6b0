"""What a source partition counted, as records of the counts topic.

A bucket is written in chunks of so many clicks: a chunk's record has absolute values and is written again while the
chunk grows, always under the same key, so that redelivery and compaction change nothing; a bucket is the sum of its
chunks. Items are named by their 8-byte hashes, as states name them: rows die with their vocabulary.

Whoever counts a partition has an epoch, above those of all who had it before. He claims the partition with a record
that counts nothing, and goes on from what stands before it. What is written behind a claim in a lower epoch is left
out: it comes from a worker who was taken for dead and does not know it yet, and its clicks are counted again. The last
chunk of an open bucket is written again in the new epoch, under a key of its own, so that compaction keeps it whatever
such a worker still writes under his.

Key, big endian, so that a partition's keys sort by time:

    u8 version, u32 bucket_ms, u32 source partition, i64 bucket, u32 chunk, i64 epoch

Value of version 1, little endian, without padding; indices are into the table of items:

    u8 version
    i64 next_offset       the bucket's clicks of the source partition below this offset are counted
    u32 n, then n times u64 item hash, u32 clicks, u32 users
    u32 t, then t times u32 first, u32 second, u32 count      transitions: second was clicked right after first
    u32 p, then p times u32 one, u32 other, u32 count         co-occurrences
    u32 m, then m times u64 user, u32 item, u32 count         how often whom the bucket counted, for the caps
    u32 crc32             of everything before it

A user is named by a hash of his id, the bucket and the partition: the same user has another name in each bucket.
"""

import struct
import zlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.errors import CountsRecordError

KEY_VERSION = 1
VALUE_VERSION = 1
_KEY = struct.Struct(">BIIqIq")
_HEAD = struct.Struct("<Bq")
_SIZE = struct.Struct("<I")
_CRC = struct.Struct("<I")
# The bucket of a claim, below every other.
CLAIM = -(1 << 63)
ITEM_DTYPE = np.dtype([("item_hash", "<u8"), ("clicks", "<u4"), ("users", "<u4")])
PAIR_DTYPE = np.dtype([("first", "<u4"), ("second", "<u4"), ("count", "<u4")])
MARK_DTYPE = np.dtype([("user", "<u8"), ("item", "<u4"), ("count", "<u4")])


class ChunkKey(NamedTuple):
    """What a record stands for.

    Attributes:
        bucket_ms: Length of the buckets; those of another length are another recipe's.
        partition: The source partition.
        bucket: Event time in buckets; `CLAIM`: the record is no chunk, its writer takes the partition over.
        chunk: Which chunk of the bucket, from 0.
        epoch: Of whoever wrote it.
    """

    bucket_ms: int
    partition: int
    bucket: int
    chunk: int
    epoch: int

    def encode(self) -> bytes:
        """Return the record's key."""
        return _KEY.pack(KEY_VERSION, *self)


class Chunk(NamedTuple):
    """What a chunk counted, absolute values.

    Attributes:
        next_offset: The bucket's clicks below it are counted, in this chunk or in one before it.
        items: (n,) of `ITEM_DTYPE`; an item that others were clicked after may have no clicks of its own.
        transitions: (t,) of `PAIR_DTYPE`.
        cooccurrences: (p,) of `PAIR_DTYPE`.
        marks: (m,) of `MARK_DTYPE`: how often which user counted for which item.
    """

    next_offset: int
    items: NDArray[np.void]
    transitions: NDArray[np.void]
    cooccurrences: NDArray[np.void]
    marks: NDArray[np.void]


def claim(bucket_ms: int, partition: int, epoch: int) -> tuple[ChunkKey, Chunk]:
    """Return the record by which somebody takes a source partition over."""
    nothing = [np.empty(0, dtype) for dtype in (ITEM_DTYPE, PAIR_DTYPE, PAIR_DTYPE, MARK_DTYPE)]
    return ChunkKey(bucket_ms, partition, CLAIM, 0, epoch), Chunk(0, *nothing)


def decode_key(key: bytes | None) -> ChunkKey:
    """Return what a record stands for.

    Raises:
        CountsRecordError: If it is no key of this version.
    """
    if key is None or len(key) != _KEY.size or key[0] != KEY_VERSION:
        raise CountsRecordError(
            f"A record of the counts topic has the key {key!r}, which is none of version {KEY_VERSION}: does another "
            "program write to the topic? Else upgrade nextclick."
        )
    return ChunkKey(*_KEY.unpack(key)[1:])


def encode_chunk(chunk: Chunk) -> bytes:
    """Return a record's value; equal chunks give equal bytes."""
    parts = [_HEAD.pack(VALUE_VERSION, chunk.next_offset)]
    for table in (chunk.items, chunk.transitions, chunk.cooccurrences, chunk.marks):
        parts += (_SIZE.pack(len(table)), table.tobytes())
    body = b"".join(parts)
    return body + _CRC.pack(zlib.crc32(body))


def decode_chunk(value: bytes) -> Chunk:
    """Return what a record's value holds.

    Raises:
        CountsRecordError: If it is of another version, cut short, too long, or its checksum does not hold.
    """
    if len(value) < _HEAD.size + 4 * _SIZE.size + _CRC.size or value[0] != VALUE_VERSION:
        raise CountsRecordError(
            f"A record of the counts topic has {len(value)} bytes and begins with {value[:1]!r}: it is cut short, or "
            f"of another version than {VALUE_VERSION}. Upgrade nextclick, or delete the topic: it is counted anew."
        )
    (checksum,) = _CRC.unpack_from(value, len(value) - _CRC.size)
    if checksum != zlib.crc32(memoryview(value)[: -_CRC.size]):
        raise CountsRecordError("A record of the counts topic was damaged: its checksum does not hold.")
    _, next_offset = _HEAD.unpack_from(value)
    position = _HEAD.size
    tables: list[NDArray[np.void]] = []
    for dtype in (ITEM_DTYPE, PAIR_DTYPE, PAIR_DTYPE, MARK_DTYPE):
        (size,) = _SIZE.unpack_from(value, position)
        position += _SIZE.size
        end = position + size * dtype.itemsize
        if end + (_SIZE.size if len(tables) < 3 else 0) > len(value) - _CRC.size:  # noqa: PLR2004 - one more follows
            raise CountsRecordError("A record of the counts topic does not hold what its lengths say.")
        tables.append(np.frombuffer(value, dtype, size, position))
        position = end
    if position != len(value) - _CRC.size:
        raise CountsRecordError("A record of the counts topic is longer than its lengths say.")
    return Chunk(next_offset, *tables)
