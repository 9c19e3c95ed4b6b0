from typing import Any

import pytest
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from aiokafka.record.memory_records import MemoryRecords

from workers.lenient_records import LenientMemoryRecords, install

MAGIC = 2


class BadName(str):
    """A header name that goes out as bytes that are no UTF-8."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        """Return what no text is written as."""
        return b"\xffna\xfeme"


def make_batch(names: list[str], *, compression: int = 0) -> bytes:
    """A batch of one record a header name, at offsets 0, 1, ..."""
    builder = _DefaultRecordBatchBuilderPy(
        magic=MAGIC,
        compression_type=compression,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=1 << 20,
    )
    for offset, name in enumerate(names):
        headers = [("first", b"\xff"), (name, None), ("last", b"")]
        assert builder.append(offset, 1_000 + offset, b"key", b"%d" % offset, headers)
    return bytes(builder.build())


def read(fetched: bytes) -> list[tuple[object, ...]]:
    """Read as a fetcher does."""
    records = LenientMemoryRecords(fetched)
    found: list[tuple[object, ...]] = []
    while records.has_next():
        batch: Any = records.next_batch()
        assert batch.validate_crc()
        assert not batch.is_control_batch
        found += [(one.offset, one.key, one.value, list(one.headers)) for one in batch]
    return found


@pytest.mark.parametrize("compression", [0, 1, 2, 3, 4], ids=["none", "gzip", "snappy", "lz4", "zstd"])
def test_a_name_that_is_no_text_is_escaped_and_the_batch_goes_on(compression: int) -> None:
    """The three records of the batch, the one with the bad name in the middle; everything else as it was written."""
    fetched = make_batch(["good", BadName("bad"), "zoë"], compression=compression)
    names = ["good", "\\xffna\\xfeme", "zoë"]
    assert read(fetched) == [
        (offset, b"key", b"%d" % offset, [("first", b"\xff"), (name, None), ("last", b"")])
        for offset, name in enumerate(names)
    ]


def test_aiokafka_alone_raises() -> None:
    """Or this file is no longer needed."""
    batch = MemoryRecords(make_batch([BadName("bad")])).next_batch()
    assert batch is not None
    with pytest.raises(UnicodeDecodeError):
        list(batch)


def test_good_batches_are_read_alike() -> None:
    """Two batches and half of a third one: the same records and sizes as aiokafka's own reader finds."""
    fetched = make_batch(["a", "b"]) + make_batch(["c"]) + make_batch(["d"])[:-5]
    ours, theirs = LenientMemoryRecords(fetched), MemoryRecords(fetched)
    assert ours.size_in_bytes() == theirs.size_in_bytes() == len(fetched)
    while theirs.has_next():
        assert ours.has_next()
        own: Any = ours.next_batch()
        other = theirs.next_batch()
        assert other is not None
        assert (own.base_offset, own.next_offset, own.is_transactional, own.producer_id) == (
            other.base_offset,
            other.next_offset,
            other.is_transactional,
            other.producer_id,
        )
        assert [(one.offset, one.timestamp, one.value) for one in own] == [
            (one.offset, one.timestamp, one.value) for one in other
        ]
    assert not ours.has_next()
    assert ours.next_batch() is None


def test_it_is_what_a_consumer_reads_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """Installing replaces what the fetcher looks up when a fetch arrives."""
    monkeypatch.setattr(fetcher, "MemoryRecords", fetcher.MemoryRecords)
    install()
    install()
    assert fetcher.MemoryRecords is LenientMemoryRecords
