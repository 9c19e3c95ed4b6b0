"""A user's state and its binary codec: the changelog's value and the store's row.

Layout of version 1, little endian, without padding:

    u8   version
    i32  source_partition   partition of the click topic whose clicks are applied
    i64  last_offset        newest click applied
    i64  updated_at_ms      newest event time applied
    u64  clicks             clicks applied, ever
    u64  session_hash       8-byte hash of the session id; 0: none
    u32  session_clicks     clicks applied in this session
    u16  n, then n times (u64 item hash, i64 event time)     the ring, oldest first
    u8   m, then m times (8 bytes model_id, u32 size, bytes)  one slot a model: its tensors, in the manifest's order
    u32  crc32              of everything before it

The ring holds hashes, not rows: rows die with their vocabulary.

**Invariant.** A durable `last_offset = n` means that every list up to n is acknowledged.
"""

import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

import numpy as np

from models.errors import StateRecordError

CODEC_VERSION = 1

_HEAD = struct.Struct("<BiqqQQIH")
_RING_ENTRY = struct.Struct("<Qq")
# The same bytes as columns: a record's head, and an entry of its ring.
HEAD_DTYPE = np.dtype(
    [
        ("version", "u1"),
        ("source_partition", "<i4"),
        ("last_offset", "<i8"),
        ("updated_at_ms", "<i8"),
        ("clicks", "<u8"),
        ("session_hash", "<u8"),
        ("session_clicks", "<u4"),
        ("ring_size", "<u2"),
    ]
)
RING_DTYPE = np.dtype([("item_hash", "<u8"), ("timestamp_ms", "<i8")])
_SLOT_HEAD = struct.Struct("<8sI")
_CRC = struct.Struct("<I")
_SMALLEST_RECORD = _HEAD.size + 1 + _CRC.size


@dataclass(frozen=True, slots=True)
class UserState:
    """Everything that is remembered of a user.

    Attributes:
        source_partition: Partition of the click topic whose clicks are applied.
        last_offset: Offset of the newest click applied.
        updated_at_ms: Newest event time applied.
        clicks: Clicks applied, ever.
        session_hash: `hash_session_id` of the present session; 0 where clicks name none.
        session_clicks: Clicks applied in the present session.
        ring: The last R items and their times, oldest first, encoded; see `ring_entries`.
        slots: Each model's tensors, encoded, by model id (16 hexadecimal digits).
    """

    source_partition: int
    last_offset: int
    updated_at_ms: int
    clicks: int
    session_hash: int
    session_clicks: int
    ring: bytes
    slots: tuple[tuple[str, bytes], ...]

    def slot(self, model_id: str) -> bytes | None:
        """Return the tensors of this model, or None where the state was made by another one."""
        for slot_model_id, tensors in self.slots:
            if slot_model_id == model_id:
                return tensors
        return None


@lru_cache(maxsize=1 << 16)
def hash_session_id(session_id: str | None) -> int:
    """Return the 8-byte hash by which a state remembers its session; 0 for none."""
    if session_id is None:
        return 0
    return int.from_bytes(blake2b(session_id.encode(), digest_size=8).digest(), "little") or 1


def ring_entries(ring: bytes) -> list[tuple[int, int]]:
    """Return the ring's (item hash, event time), oldest first."""
    return list(_RING_ENTRY.iter_unpack(ring))


def encode_state(state: UserState) -> bytes:
    """Return the state's record; equal states give equal bytes."""
    head = _HEAD.pack(
        CODEC_VERSION,
        state.source_partition,
        state.last_offset,
        state.updated_at_ms,
        state.clicks,
        state.session_hash,
        state.session_clicks,
        len(state.ring) // _RING_ENTRY.size,
    )
    slots: list[bytes] = []
    for model_id, tensors in state.slots:
        slots += (slot_head(model_id, len(tensors)), tensors)
    return join_record(head, state.ring, len(state.slots).to_bytes(1, "little"), *slots)


def slot_head(model_id: str, size: int) -> bytes:
    """Return what stands before a model's tensors of so many bytes."""
    return _SLOT_HEAD.pack(bytes.fromhex(model_id), size)


def join_record(*parts: bytes | memoryview) -> bytes:
    """Return the record of its parts in their order, the checksum added."""
    body = b"".join(parts)
    return body + _CRC.pack(zlib.crc32(body))


def decode_state(record: bytes) -> UserState:
    """Return the state of a record.

    Raises:
        StateRecordError: If the record is of another version, cut short, too long, or its checksum does not hold.
    """
    _check_envelope(record)
    try:
        return _decode_body(record)
    except (struct.error, IndexError) as error:
        raise _wrong_lengths(error) from error


def checked_last_offset(record: bytes) -> int:
    """Return the `last_offset` of a record that would decode: a restore does this a million times, and keeps the bytes.

    Raises:
        StateRecordError: Where `decode_state` would raise it.
    """
    _check_envelope(record)
    try:
        head = _HEAD.unpack_from(record)
        position = _HEAD.size + head[7] * _RING_ENTRY.size
        slot_count = record[position]
        position += 1
        for _ in range(slot_count):
            position += _SLOT_HEAD.size + _SLOT_HEAD.unpack_from(record, position)[1]
    except (struct.error, IndexError) as error:
        raise _wrong_lengths(error) from error
    _check_end(record, position)
    last_offset: int = head[2]
    return last_offset


def last_offset_of(record: bytes) -> int:
    """Return the `last_offset` of a record that is known to decode, without decoding the rest."""
    last_offset: int = _HEAD.unpack_from(record)[2]
    return last_offset


def is_ahead(record: bytes, last_offset: int) -> bool:
    """Tell whether a record stands for clicks behind `last_offset`; one that does not decode stands for none."""
    try:
        # In this order: a restore asks it of every record, and nearly all of them say no at once.
        return last_offset_of(record) > last_offset and checked_last_offset(record) > last_offset
    except (struct.error, StateRecordError):
        return False


def _decode_body(record: bytes) -> UserState:
    _, partition, last_offset, updated_at_ms, clicks, session_hash, session_clicks, ring_size = _HEAD.unpack_from(
        record
    )
    position = _HEAD.size
    ring = record[position : position + ring_size * _RING_ENTRY.size]
    position += ring_size * _RING_ENTRY.size
    slot_count = record[position]
    position += 1
    slots: list[tuple[str, bytes]] = []
    for _ in range(slot_count):
        model_id, size = _SLOT_HEAD.unpack_from(record, position)
        position += _SLOT_HEAD.size
        slots.append((model_id.hex(), record[position : position + size]))
        position += size
    _check_end(record, position)
    return UserState(
        source_partition=partition,
        last_offset=last_offset,
        updated_at_ms=updated_at_ms,
        clicks=clicks,
        session_hash=session_hash,
        session_clicks=session_clicks,
        ring=ring,
        slots=tuple(slots),
    )


def _check_envelope(record: bytes) -> None:
    if len(record) < _SMALLEST_RECORD:
        raise StateRecordError(
            f"A state record of {len(record)} bytes is cut short: it has {_SMALLEST_RECORD} at least."
        )
    if record[0] != CODEC_VERSION:
        raise StateRecordError(
            f"A state record has codec version {record[0]}, this nextclick reads {CODEC_VERSION}: upgrade nextclick."
        )
    (checksum,) = _CRC.unpack_from(record, len(record) - _CRC.size)
    if checksum != zlib.crc32(memoryview(record)[: -_CRC.size]):
        raise StateRecordError("A state record's checksum does not hold: it was damaged or cut short.")


def _check_end(record: bytes, end: int) -> None:
    if end != len(record) - _CRC.size:
        raise StateRecordError(f"A state record has {len(record)} bytes, its lengths add up to {end + _CRC.size}.")


def _wrong_lengths(error: Exception) -> StateRecordError:
    return StateRecordError(f"A state record does not hold what its lengths say: {error}.")
