"""The records of a click log, whatever its format, as a table of text: what is in them is judged elsewhere.

    .csv .tsv .jsonl .ndjson    plain, gzipped (.gz) or Zstandard (.zst)
    .parquet                    with its own compression

The name's ending tells which; other text is delimited by what the caller says.
"""

import csv
import gzip
import zlib
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import polars as pl

from models.errors import DataError

# No log calls a column of its own that.
LINE = "line number"
# Enough of a bad line to find it in the file, and still one line on a screen.
EXCERPT_CHARACTERS = 80
SEPARATORS = {".csv": ",", ".tsv": "\t"}


@dataclass
class Malformed:
    """Lines that cannot be used: how many for each reason, and the first of each."""

    counts: Counter[str] = field(default_factory=Counter)
    first_lines: dict[str, str] = field(default_factory=dict)

    def add(self, reason: str, line: int, text: str, count: int = 1) -> None:
        """Count lines that share a reason.

        Args:
            reason: Why, for a person.
            line: The number of the first such line, from 1.
            text: What that line holds.
            count: How many lines there are.
        """
        self.counts[reason] += count
        text = text.replace("\n", " ")
        excerpt = text if len(text) <= EXCERPT_CHARACTERS else text[:EXCERPT_CHARACTERS] + "..."
        self.first_lines.setdefault(reason, f"line {line}: {excerpt}" if text else f"line {line}")


@dataclass(frozen=True)
class LogRecords:
    """A log's records.

    Attributes:
        table: Column `LINE` (Int64, from 1), and one String column for each column that was asked for.
        malformed: The lines that are no records, which the table leaves out.
        datetimes: The columns (of a Parquet file) that held dates; their text is milliseconds since 1970.
    """

    table: pl.DataFrame
    malformed: Malformed
    datetimes: frozenset[str] = frozenset()


def read_records(path: Path, columns: Sequence[str], separator: str | None = None) -> LogRecords:
    """Read some columns of a log.

    Args:
        path: The log; its name's ending tells the format.
        columns: The columns to read, by the names that the log gives them.
        separator: What stands between two fields of delimited text; None: what the name's ending says.

    Raises:
        DataError: If the file cannot be read, its format is unknown, or a column is not there.
    """
    packing = path.suffix if path.suffix in {".gz", ".zst"} else ""
    ending = Path(path.name.removesuffix(packing)).suffix
    try:
        if ending == ".parquet":
            count = count_parquet_records(path, columns)
            return read_parquet_records(path, columns, slice(0, count), 1, Malformed())
        with _lines_of(path, packing) as lines:
            if ending in {".jsonl", ".ndjson"}:
                return _read_json_lines(path, lines, columns)
            if separator is None and ending not in SEPARATORS:
                known = ", ".join((*SEPARATORS, ".jsonl", ".ndjson", ".parquet"))
                raise DataError(f"{path} is of no known format: its name must end in one of {known}.")
            return _read_delimited(path, lines, columns, separator or SEPARATORS[ending])
    except (OSError, EOFError, zlib.error, pl.exceptions.PolarsError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error


@contextmanager
def _lines_of(path: Path, packing: str) -> Generator[Iterable[str]]:
    """Open text; bytes that are not UTF-8 become U+FFFD, which no readable line has."""
    match packing:
        case ".gz":
            with gzip.open(path, "rt", encoding="utf-8-sig", errors="replace", newline="") as lines:
                yield lines
        case ".zst":
            # The standard library has Zstandard from Python 3.14 on only.
            yield pl.read_lines(path)["line"]
        case _:
            with path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
                yield lines


def _require(path: Path, columns: Sequence[str], there: Sequence[str]) -> None:
    if missing := [column for column in columns if column not in there]:
        raise DataError(f"{path} has no column {', '.join(missing)}: it has {', '.join(there)}.")


def _table(columns: Sequence[str], records: Iterable[tuple[int | str | None, ...]]) -> pl.DataFrame:
    schema = pl.Schema({LINE: pl.Int64(), **{column: pl.String() for column in columns}})
    return pl.DataFrame(list(records), schema=schema, orient="row")


def _read_delimited(path: Path, lines: Iterable[str], columns: Sequence[str], separator: str) -> LogRecords:
    malformed = Malformed()
    numbered = _fields_of_lines(lines, separator, malformed)
    line, fields = next(numbered, (1, []))
    header = [name.strip() for name in fields]
    if line != 1 or not header:
        raise DataError(f"{path} has no header: its first line must name the columns.")
    _require(path, columns, header)
    positions = [header.index(column) for column in columns]

    def records() -> Iterator[tuple[int | str | None, ...]]:
        for line, fields in numbered:
            if len(fields) == len(header):
                yield (line, *[fields[position] for position in positions])
            elif fields:  # a line with nothing in it is no record
                reason = f"has {len(fields)} fields, not {len(header)}"
                malformed.add(reason, line, separator.join(fields))

    return LogRecords(_table(columns, records()), malformed)


def _fields_of_lines(lines: Iterable[str], separator: str, malformed: Malformed) -> Iterator[tuple[int, list[str]]]:
    """Yield each record with the number of its first line; count the lines on which quoting goes wrong."""
    if separator == "\t":
        # Tab separated logs do not quote: a quote there is a character like any other.
        reader = csv.reader(lines, delimiter=separator, quoting=csv.QUOTE_NONE)
    else:
        reader = csv.reader(lines, delimiter=separator, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            fields = next(reader, None)
        except csv.Error as error:
            malformed.add(f"cannot be taken apart: {error}", line, "", count=reader.line_num + 1 - line)
            continue
        if fields is None:
            return
        yield line, fields


def _read_json_lines(path: Path, lines: Iterable[str], columns: Sequence[str]) -> LogRecords:
    decoder = msgspec.json.Decoder(dict[str, object])
    malformed = Malformed()
    there: dict[str, None] = {}

    def records() -> Iterator[tuple[int | str | None, ...]]:
        for line, text in enumerate(lines, start=1):
            if not text.strip():
                continue
            try:
                record = decoder.decode(text)
            except (msgspec.DecodeError, UnicodeEncodeError) as error:
                malformed.add(f"is not a JSON object ({str(error).split(' (byte')[0]})", line, text.strip())
                continue
            there.update(dict.fromkeys(record))
            yield (line, *[_json_text(record.get(column)) for column in columns])

    table = _table(columns, records())
    if there:
        _require(path, columns, tuple(there))
    return LogRecords(table, malformed)


def _json_text(value: object) -> str | None:
    """Return what a JSON value says; null, true, false, lists and objects say nothing that a click could use."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def count_parquet_records(path: Path, columns: Sequence[str]) -> int:
    """Return how many records a Parquet file has, which must have these columns.

    Raises:
        DataError: If it cannot be read, or lacks a column.
    """
    try:
        log = pl.scan_parquet(path)
        _require(path, columns, log.collect_schema().names())
        return int(log.select(pl.len()).collect().item())
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error


def read_parquet_records(
    path: Path, columns: Sequence[str], rows: slice, first_line: int, malformed: Malformed
) -> LogRecords:
    """Read some rows of a Parquet file.

    Args:
        path: The file.
        columns: The columns to read.
        rows: Which rows, from and to.
        first_line: The number of the first of them.
        malformed: Where lines that are no clicks are counted.
    """
    log = pl.scan_parquet(path)
    schema = log.collect_schema()
    dates = [column for column in columns if schema[column] == pl.Date or isinstance(schema[column], pl.Datetime)]
    as_text = [
        (pl.col(column).cast(pl.Datetime("ms")).dt.epoch("ms") if column in dates else pl.col(column)).cast(
            pl.String, strict=False
        )
        for column in columns
    ]
    table = log.slice(rows.start, rows.stop - rows.start).select(as_text).collect()
    numbered = table.with_row_index(LINE, offset=first_line).cast({LINE: pl.Int64})
    return LogRecords(numbered, malformed, frozenset(dates))
