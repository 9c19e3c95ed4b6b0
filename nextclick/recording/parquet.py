"""Recordings as Parquet: a column a field, zstd, a row group every 65,536 records, head and totals in the footer."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from models.errors import RecordingError
from nextclick.recording.description import (
    RecordChecker,
    RecordingHead,
    RecordingTotals,
    RunningTotals,
    require_version,
)
from nextclick.recording.records import TIMESTAMP_TYPES, RecordedHeaders, RecordedRecord
from nextclick.streamed_parquet import StreamedParquet

SUFFIX = ".parquet"
ROW_GROUP_RECORDS = 1 << 16
READ_RECORDS = 1 << 14
METADATA_KEY = "nextclick.recording"
_HEADER = pl.Struct({"name": pl.Binary, "value": pl.Binary})
_DTYPES: dict[str, pl.DataType | type[pl.DataType]] = {
    "partition": pl.Int32,
    "offset": pl.Int64,
    "previous_offset": pl.Int64,
    "timestamp_ms": pl.Int64,
    "timestamp_type": pl.Enum(TIMESTAMP_TYPES),
    "key": pl.Binary,
    "value": pl.Binary,
    "headers": pl.List(_HEADER),
    "crc32": pl.UInt32,
}
_SCHEMA = pl.Schema(_DTYPES)


class _Metadata(msgspec.Struct, frozen=True):
    head: RecordingHead
    totals: RecordingTotals


class ParquetWriter:
    """Writes a recording; it is whole once `finish` returns.

    Args:
        path: The file, made anew.
        head: What it is of.
    """

    def __init__(self, path: Path, head: RecordingHead) -> None:
        self._head = head
        self._running = RunningTotals()
        self._pending: list[tuple[RecordedRecord, int]] = []
        self._file = StreamedParquet(path, _SCHEMA, self._metadata)

    def write(self, records: Sequence[RecordedRecord]) -> None:
        """Write the next records.

        Raises:
            OSError: If the disk is full, say.
        """
        for record in records:
            self._pending.append((record, self._running.add(record)))
            if len(self._pending) == ROW_GROUP_RECORDS:
                self._file.write(_table(self._pending))
                self._pending = []

    def finish(self) -> RecordingTotals:
        """Write what is left and the footer; close the file.

        Raises:
            OSError: If the disk is full, say.
        """
        if self._pending:
            self._file.write(_table(self._pending))
        self._file.finish()
        return self._running.totals()

    def abort(self) -> None:
        """Stop writing; the file has no footer then."""
        self._file.abort()

    def _metadata(self) -> dict[str, str]:
        whole = _Metadata(self._head, self._running.totals())
        return {METADATA_KEY: msgspec.json.encode(whole).decode()}


class ParquetReader:
    """Reads a recording.

    Attributes:
        head: What it is of.
        totals: What it should hold.

    Raises:
        RecordingError: If it is no recording, is cut short, or is one of another version.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        metadata = read_metadata(path).get(METADATA_KEY)
        if metadata is None:
            raise RecordingError(f"{path} is no recording: its metadata has no {METADATA_KEY}.")
        try:
            version = msgspec.json.decode(metadata)["head"]["nextclick_recording"]
            require_version(path, version)
            whole = msgspec.json.decode(metadata, type=_Metadata)
        except (msgspec.DecodeError, KeyError, TypeError) as error:
            raise RecordingError(f"{path} is no recording: its {METADATA_KEY} cannot be read ({error}).") from error
        self.head = whole.head
        self.totals: RecordingTotals | None = whole.totals

    def chunks(self) -> Iterator[list[RecordedRecord]]:
        """Yield all records, checked, some thousands at a time.

        Raises:
            RecordingError: If one is not what was written, or some are missing.
        """
        checker = RecordChecker(self._path)
        while True:
            table = self._read(checker.records)
            if table.is_empty():
                break
            records = _records(table)
            for record, checksum in zip(records, table["crc32"].to_list(), strict=True):
                checker.check(record, checksum)
            yield records
        checker.check_end(self.totals)

    def _read(self, start: int) -> pl.DataFrame:
        try:
            return pl.scan_parquet(self._path).select(_SCHEMA.names()).slice(start, READ_RECORDS).collect()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise RecordingError(f"{self._path} is damaged after record {start:,}: {error}") from error


def read_metadata(path: Path) -> dict[str, str]:
    """Return a Parquet file's own metadata.

    Raises:
        RecordingError: If it is no whole Parquet file.
    """
    try:
        return dict(pl.read_parquet_metadata(path))
    except FileNotFoundError as error:
        raise RecordingError(f"The recording {path} cannot be read: there is no such file.") from error
    except (pl.exceptions.PolarsError, OSError) as error:
        raise RecordingError(
            f"{path} has no Parquet footer: it is cut short, or no Parquet file ({error}). Copy it again."
        ) from error


def _table(records: Sequence[tuple[RecordedRecord, int]]) -> pl.DataFrame:
    columns = list(zip(*(record for record, _ in records), strict=True))
    plain = {
        name: pl.Series(name, column, dtype=dtype)
        for (name, dtype), column in zip(_SCHEMA.items(), columns, strict=False)
        if name != "headers"
    }
    headers = _header_series([record.headers for record, _ in records])
    crc32 = pl.Series("crc32", [checksum for _, checksum in records], dtype=pl.UInt32)
    return pl.DataFrame({**plain, "headers": headers, "crc32": crc32})


def _header_series(headers: Sequence[RecordedHeaders]) -> pl.Series:
    """Return a list column, built flat: polars takes 120 us a row to make one of Python's own lists."""
    counts = np.array([len(row) for row in headers])
    flat = [pair for row in headers for pair in row]
    empty = pl.Series("headers", [[]], dtype=pl.List(_HEADER))
    if not flat:
        return empty.new_from_index(0, len(headers))
    pairs = pl.DataFrame(
        {
            "row": np.repeat(np.arange(len(headers)), counts),
            "name": pl.Series([name for name, _ in flat], dtype=pl.Binary),
            "value": pl.Series([value for _, value in flat], dtype=pl.Binary),
        }
    )
    by_row = pairs.group_by("row", maintain_order=True).agg(pl.struct("name", "value").alias("headers"))
    rows = pl.DataFrame({"row": np.arange(len(headers))})
    joined = rows.join(by_row, on="row", how="left", maintain_order="left")
    return joined.select(pl.col("headers").fill_null(pl.lit(empty)))["headers"]


def _records(table: pl.DataFrame) -> list[RecordedRecord]:
    plain = [table[name].to_list() for name in RecordedRecord._fields if name != "headers"]
    return list(map(RecordedRecord._make, zip(*plain, _read_headers(table["headers"]), strict=True)))


def _read_headers(column: pl.Series) -> list[RecordedHeaders]:
    counts = column.list.len()
    if not counts.sum():
        return [()] * len(column)
    flat = column.filter(counts > 0).explode()
    names, values = flat.struct.field("name").to_list(), flat.struct.field("value").to_list()
    pairs = list(zip(names, values, strict=True))
    ends = counts.cum_sum().to_list()
    return [tuple(pairs[end - count : end]) for end, count in zip(ends, counts.to_list(), strict=True)]
