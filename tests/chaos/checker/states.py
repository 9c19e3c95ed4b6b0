"""A state record, decoded from the layout that codec 1 documents."""

import struct
import zlib
from dataclasses import dataclass

CODEC = 1


@dataclass(frozen=True)
class DecodedState:
    """What a state record holds."""

    source_partition: int
    last_offset: int
    updated_at_ms: int
    clicks: int
    session_hash: int
    session_clicks: int
    ring: tuple[tuple[int, int], ...]
    slots: tuple[tuple[str, bytes], ...]


def decode_state(record: bytes) -> DecodedState:
    """Decode a record.

    Raises:
        ValueError: If it is not what the layout says.
    """
    cursor = _Cursor(record)
    (version,) = cursor.take("<B")
    if version != CODEC:
        raise ValueError(f"codec version {version}, not {CODEC}")
    partition, last_offset, updated_at_ms, clicks, session_hash, session_clicks = cursor.take("<iqqQQI")
    (ring_length,) = cursor.take("<H")
    ring = tuple(_ring_entry(cursor) for _ in range(ring_length))
    (slot_count,) = cursor.take("<B")
    slots = tuple(_slot(cursor) for _ in range(slot_count))
    checked = cursor.position
    (checksum,) = cursor.take("<I")
    if cursor.position != len(record):
        raise ValueError(f"{len(record) - cursor.position} bytes behind the checksum")
    if checksum != zlib.crc32(record[:checked]):
        raise ValueError("the checksum does not hold")
    return DecodedState(partition, last_offset, updated_at_ms, clicks, session_hash, session_clicks, ring, slots)


def _ring_entry(cursor: "_Cursor") -> tuple[int, int]:
    item_hash, timestamp_ms = cursor.take("<Qq")
    return item_hash, timestamp_ms


def _slot(cursor: "_Cursor") -> tuple[str, bytes]:
    model_id, size = cursor.take("<8sI")
    return model_id.hex(), cursor.take_bytes(size)


class _Cursor:
    def __init__(self, record: bytes) -> None:
        self._record = record
        self.position = 0

    # The layout's codes decide what each value is.
    def take(self, layout: str) -> tuple:  # type: ignore[type-arg]
        return struct.unpack(layout, self.take_bytes(struct.calcsize(layout)))

    def take_bytes(self, size: int) -> bytes:
        taken = self._record[self.position : self.position + size]
        if len(taken) != size:
            raise ValueError(f"cut short after {len(self._record)} bytes")
        self.position += size
        return taken
