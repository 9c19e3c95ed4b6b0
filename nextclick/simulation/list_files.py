"""Simulated lists in a file: their bytes as JSON lines, plain or in zstd, or their columns as Parquet."""

import contextlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec
import polars as pl
import zstandard

from nextclick.file_writing import staged_file
from nextclick.published_lists import PublishedList
from nextclick.streamed_parquet import StreamedParquet

COMPRESSED_SUFFIX, PLAIN_SUFFIX, PARQUET_SUFFIX = ".jsonl.zst", ".jsonl", ".parquet"
SUFFIXES = (COMPRESSED_SUFFIX, PLAIN_SUFFIX, PARQUET_SUFFIX)
_BUFFER_BYTES = 1 << 20
_SCHEMA = pl.Schema(
    [
        ("partition", pl.Int32()),
        ("offset", pl.Int64()),
        ("timestamp_ms", pl.Int64()),
        ("user_id", pl.String()),
        ("event_id", pl.String()),
        ("strategy", pl.String()),
        ("model_id", pl.String()),
        ("items", pl.List(pl.String)),
        ("scores", pl.List(pl.Float32)),
        # Which live counts it was ranked with; null where there were none.
        ("counts_bucket", pl.Int64()),
        ("counts_offset", pl.Int64()),
    ]
)


class ListFile(Protocol):
    """Takes lists."""

    def write(self, lists: Sequence[bytes]) -> None:
        """Write the bodies of the next lists."""


@contextlib.contextmanager
def list_file(path: Path | None) -> Iterator[ListFile]:
    """Yield a file that gets its name when the block ends; None: one that keeps nothing.

    Raises:
        RecordingError: If something is at its place, or it cannot be written.
    """
    if path is None:
        yield _NoFile()
        return
    with staged_file(path, SUFFIXES) as staging:
        if path.name.endswith(PARQUET_SUFFIX):
            with _parquet(staging) as file:
                yield file
        else:
            with _jsonl(staging) as file:
                yield file


class _NoFile:
    def write(self, lists: Sequence[bytes]) -> None:
        pass


class _Jsonl:
    def __init__(self, sink: BinaryIO) -> None:
        self._sink = sink

    def write(self, lists: Sequence[bytes]) -> None:
        self._sink.writelines(body + b"\n" for body in lists)


class _Parquet:
    def __init__(self, file: StreamedParquet) -> None:
        self._file = file
        self._decode = msgspec.json.Decoder(PublishedList).decode

    def write(self, lists: Sequence[bytes]) -> None:
        read = [self._decode(body) for body in lists]
        if not read:
            return
        columns = {
            "partition": [one.source.partition for one in read],
            "offset": [one.source.offset for one in read],
            "timestamp_ms": [one.source.timestamp_ms for one in read],
            **{name: [getattr(one, name) for one in read] for name in ("user_id", "event_id", "strategy", "model_id")},
            "items": [list(one.items) for one in read],
            "scores": [list(one.scores) for one in read],
            "counts_bucket": [None if one.counts is None else one.counts.bucket for one in read],
            "counts_offset": [None if one.counts is None else one.counts.offset for one in read],
        }
        self._file.write(pl.DataFrame(columns, schema=_SCHEMA))


@contextlib.contextmanager
def _jsonl(path: Path) -> Iterator[_Jsonl]:
    with path.open("xb") as file:
        if not path.name.endswith(COMPRESSED_SUFFIX):
            yield _Jsonl(file)
            return
        packed = zstandard.ZstdCompressor(write_checksum=True).stream_writer(file, closefd=False)
        with io.BufferedWriter(packed, _BUFFER_BYTES) as sink:  # type: ignore[type-var]
            yield _Jsonl(sink)


@contextlib.contextmanager
def _parquet(path: Path) -> Iterator[_Parquet]:
    file = StreamedParquet(path, _SCHEMA, dict)
    try:
        yield _Parquet(file)
    except BaseException:
        file.abort()
        raise
    file.finish()
