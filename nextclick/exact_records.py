"""Records that kafka-python would refuse, carried through it byte for byte.

Kafka takes a record without key and value, a header without a value, and a header's name that is no UTF-8.
kafka-python sends neither of the three, and raises for such a name at every fetch of its batch. Here a name's other
bytes become lone surrogates on the way in (PEP 383) and bytes again on the way out; `NULL` becomes null on the way out.
"""

from collections.abc import Sequence
from typing import SupportsIndex

from kafka.record import memory_records
from kafka.record.default_records import DefaultRecord, DefaultRecordBatch, DefaultRecordBatchBuilder, decode_varint

_ERRORS = "surrogateescape"
# Known by identity: made at run time, so that no other bytes are the same object.
NULL = bytes(bytearray(b"null"))


def install() -> None:
    """Let every kafka-python client of this process read and write so; doing it twice changes nothing."""
    for name in ("DefaultRecordBatch", "DefaultRecordBatchBuilder"):
        if not hasattr(memory_records, name):
            raise RuntimeError(f"kafka-python has moved {name}: update nextclick/exact_records.py.")
    memory_records.DefaultRecordBatch = _ExactRecordBatch
    memory_records.DefaultRecordBatchBuilder = _ExactRecordBatchBuilder


def name_bytes(name: str) -> bytes:
    """Return the bytes of a name that was read so."""
    return name.encode(errors=_ERRORS)


class ExactName(str):
    """A header's name whose `encode("utf-8")`, which kafka-python calls, gives the bytes that it was made of."""

    __slots__ = ()

    @classmethod
    def of(cls, name: bytes) -> "ExactName":
        """Return the name of these bytes."""
        return cls(name.decode(errors=_ERRORS))

    def encode(self, encoding: str = "utf-8", errors: str = _ERRORS) -> bytes:
        """Return the bytes, whatever they are; kafka-python names no errors."""
        return super().encode(encoding, errors)


class _ExactRecordBatchBuilder(DefaultRecordBatchBuilder):  # type: ignore[misc]
    def append(
        self,
        offset: int,
        timestamp: int | None,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes | None]],
    ) -> object:
        if headers:
            headers = [(name, None if content is NULL else content) for name, content in headers]
        return super().append(offset, timestamp, key, None if value is NULL else value, headers)


class _ExactRecordBatch(DefaultRecordBatch):  # type: ignore[misc]
    _buffer: bytes

    def _read_msg(self, decode_varint: object = decode_varint) -> DefaultRecord:
        try:
            return super()._read_msg(decode_varint)
        except UnicodeDecodeError:
            # The position moves only behind a whole record: it is read once more.
            plain = self._buffer
            self._buffer = _EscapingBytes(plain)
            try:
                return super()._read_msg(decode_varint)
            finally:
                self._buffer = plain


class _EscapingBytes(bytes):
    """Bytes whose parts decode to text whatever they are; names of headers are all that the reader decodes."""

    def __getitem__(self, part: SupportsIndex | slice) -> "int | _EscapingBytes":  # type: ignore[override]
        found: int | bytes = super().__getitem__(part)
        return _EscapingBytes(found) if isinstance(found, bytes) else found

    def decode(self, encoding: str = "utf-8", errors: str = _ERRORS) -> ExactName:
        return ExactName(super().decode(encoding, errors))
