r"""Fetched record batches, read so that no header name can stop a partition.

A header's name should be UTF-8, no broker checks it, and aiokafka raises for one that is not: from then on every fetch
of the partition raises, and the record can neither be read nor be passed over. Such a batch is read once more here,
each offending byte of a name written as the text `\xff`; values, keys and all other names stay as they are.
"""

from collections.abc import Iterator
from typing import SupportsIndex

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy


def install() -> None:
    """Let every aiokafka consumer of this process read so; doing it twice changes nothing."""
    if not hasattr(fetcher, "MemoryRecords"):
        raise RuntimeError("aiokafka has renamed fetcher.MemoryRecords: update workers/lenient_records.py.")
    fetcher.MemoryRecords = LenientMemoryRecords


class LenientMemoryRecords:
    """What a fetch brought of one partition, batch by batch; stands in for aiokafka's class of the same shape."""

    def __init__(self, fetched: bytes) -> None:
        self._slices = _MemoryRecordsPy(fetched)
        self._size = len(fetched)

    def size_in_bytes(self) -> int:
        """Return how many bytes were fetched, an incomplete batch at the end included."""
        return self._size

    def has_next(self) -> bool:
        """Return whether there is another whole batch."""
        has_next: bool = self._slices.has_next()
        return has_next

    def next_batch(self) -> object:
        """Return the next batch, None behind the last."""
        raw = self._slices._next_slice  # noqa: SLF001
        batch = self._slices.next_batch()
        # Batches of the oldest formats have no headers.
        return _LenientBatch(batch, bytes(raw)) if isinstance(batch, DefaultRecordBatch) else batch


class _LenientBatch:
    """A batch that is all that aiokafka's is, and can be iterated whatever its headers are called."""

    def __init__(self, batch: DefaultRecordBatch, raw: bytes) -> None:
        self._batch = batch
        self._raw = raw

    def __getattr__(self, name: str) -> object:
        found: object = getattr(self._batch, name)
        return found

    def __iter__(self) -> Iterator[object]:
        read = 0
        try:
            for record in self._batch:
                read += 1
                yield record
        except UnicodeDecodeError:
            yield from _read_leniently(self._raw)[read:]

    def __next__(self) -> object:
        # A control batch is asked for its one record without being iterated.
        record: object = next(self._batch)
        return record


def _read_leniently(raw: bytes) -> list[object]:
    batch = _DefaultRecordBatchPy(raw)
    batch._maybe_uncompress()  # noqa: SLF001
    batch._buffer = _LenientBytes(batch._buffer)  # noqa: SLF001
    return list(batch)


class _LenientBytes(bytes):
    """Bytes whose parts decode to text whatever they are; names of headers are all that the reader decodes."""

    def __getitem__(self, part: SupportsIndex | slice) -> "int | _LenientBytes":  # type: ignore[override]
        found: int | bytes = super().__getitem__(part)
        return _LenientBytes(found) if isinstance(found, bytes) else found

    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        return super().decode(encoding, errors)
