"""A click log in its owner's format, read into the click table of `models.preparation.prepared_data`.

Nothing is lost silently: a record that is no click is counted under its reason, with the first line that shows it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import polars as pl

from models.errors import DataError
from models.preparation.log_records import (
    LINE,
    LogRecords,
    Malformed,
    count_parquet_records,
    read_parquet_records,
    read_records,
)
from models.preparation.prepared_data import CLICK_SCHEMA, CleaningStep
from models.preparation.timestamps import TimestampUnit, to_milliseconds


class Columns(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the log calls each column of a click; None: it has no such column."""

    user: str = "user_id"
    item: str = "item_id"
    timestamp: str = "timestamp_ms"
    session: str | None = None
    event_type: str | None = None
    value: str | None = None

    @staticmethod
    def parse(text: str) -> "Columns":
        """Read `user=visitorid,item=itemid,timestamp=time`.

        Raises:
            DataError: If a part is not of the form column=name, a column comes twice, or a click has no such column.
        """
        pairs = [part.partition("=") for part in text.split(",")]
        if bad := ["".join(pair) for pair in pairs if not (pair[0].strip() and pair[2].strip())]:
            raise DataError(f"{bad[0]!r} does not map a column: write user=NAME,item=NAME,timestamp=NAME.")
        names = {column.strip(): name.strip() for column, _, name in pairs}
        if len(names) < len(pairs):
            raise DataError(f"{text!r} maps a column twice: name each once.")
        if unknown := names.keys() - set(Columns.__struct_fields__):
            known = ", ".join(Columns.__struct_fields__)
            raise DataError(f"A click has no column {', '.join(sorted(unknown))}: it has {known}.")
        return msgspec.convert(names, Columns)


@dataclass(frozen=True)
class ClickLog:
    """A log's clicks in the order of the file, and what was no click.

    Attributes:
        clicks: `CLICK_SCHEMA`, ids as the log spells them; session_id is null where it names no session.
        malformed: One step a reason.
    """

    clicks: pl.DataFrame
    malformed: tuple[CleaningStep, ...]


def read_click_log(
    path: Path, columns: Columns, timestamp_unit: TimestampUnit = "milliseconds", separator: str | None = None
) -> ClickLog:
    """Read a click log: CSV, TSV, JSON lines or Parquet; text may be gzipped (.gz) or Zstandard (.zst).

    Args:
        path: The log; its name's ending tells the format. A folder: all its Parquet files, in the order of their names.
        columns: What the log calls its columns.
        timestamp_unit: How it tells the time; a Parquet column of dates needs no unit.
        separator: What stands between two fields of delimited text; None: what the name's ending says.

    Raises:
        DataError: If the file cannot be read, its format is unknown, a column is not there, or no record is a click.
    """
    if path.is_dir():
        log = ParquetClicks(path, columns, timestamp_unit)
        clicks = pl.concat(log.pieces())
        return ClickLog(clicks, log.malformed_steps())
    name_of = _log_names(columns)
    records = read_records(path, tuple(dict.fromkeys(name_of.values())), separator)
    clicks = _clicks_of(records, columns, timestamp_unit)
    return ClickLog(clicks, _malformed_steps(path, records.malformed, clicks.height))


class ParquetClicks:
    """A click log in Parquet, read piece by piece.

    Args:
        path: A file, or a folder of them, which are read in the order of their names; lines are counted through.
        columns: What the log calls its columns.
        timestamp_unit: How it tells the time; a column of dates needs no unit.

    Raises:
        DataError: If there is no such file, or it has not these columns.
    """

    def __init__(self, path: Path, columns: Columns, timestamp_unit: TimestampUnit = "milliseconds") -> None:
        self._path = path
        self._columns = columns
        self._timestamp_unit = timestamp_unit
        self._names = tuple(dict.fromkeys(_log_names(columns).values()))
        self._files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
        if not self._files:
            raise DataError(f"{path} holds no Parquet file.")
        self._records = [count_parquet_records(file, self._names) for file in self._files]
        self._malformed = Malformed()
        self._kept = 0

    @property
    def records(self) -> int:
        """How many records there are, clicks or not."""
        return sum(self._records)

    def pieces(self, records_at_once: int = 1_000_000) -> Iterator[pl.DataFrame]:
        """Yield the clicks, `CLICK_SCHEMA`, in the order of the log."""
        first_line = 1
        for file, count in zip(self._files, self._records, strict=True):
            for begin in range(0, count, records_at_once):
                piece = slice(begin, min(begin + records_at_once, count))
                records = read_parquet_records(file, self._names, piece, first_line + begin, self._malformed)
                clicks = _clicks_of(records, self._columns, self._timestamp_unit)
                self._kept += clicks.height
                yield clicks
            first_line += count

    def malformed_steps(self) -> tuple[CleaningStep, ...]:
        """Return what was no click, one step a reason, once all pieces are read.

        Raises:
            DataError: If nothing was a click.
        """
        return _malformed_steps(self._path, self._malformed, self._kept)


def _clicks_of(records: LogRecords, columns: Columns, timestamp_unit: TimestampUnit) -> pl.DataFrame:
    """Return the records that are clicks, and count the others."""
    name_of = _log_names(columns)
    if columns.timestamp in records.datetimes:
        timestamp_unit = "milliseconds"
    text = records.table.select(LINE, **{ours: pl.col(theirs) for ours, theirs in name_of.items()})
    parsed = _parse(text, timestamp_unit)
    _count_malformed(parsed, tuple(name_of), records.malformed)
    return parsed.filter(pl.col("reason").is_null()).select(CLICK_SCHEMA.names())


def _malformed_steps(path: Path, malformed: Malformed, kept: int) -> tuple[CleaningStep, ...]:
    steps = _steps(malformed, kept)
    if not kept:
        why = steps[0].reason if steps else "it has no records"
        raise DataError(f"{path} holds no click that can be used: {why}. Check the columns and the timestamp's unit.")
    return steps


def _log_names(columns: Columns) -> dict[str, str]:
    """Return the log's name of each of our columns that it has; the timestamp is still in the log's own unit."""
    names = {
        "user_id": columns.user,
        "item_id": columns.item,
        "timestamp": columns.timestamp,
        "session_id": columns.session,
        "event_type": columns.event_type,
        "value": columns.value,
    }
    return {ours: theirs for ours, theirs in names.items() if theirs is not None}


def _parse(text: pl.DataFrame, timestamp_unit: TimestampUnit) -> pl.DataFrame:
    """Add to the log's text the columns of a click, and `reason`: why the record is no click, null where it is one."""
    absent = [pl.lit(None, pl.String).alias(name) for name in ("session_id", "event_type", "value") if name not in text]
    filled = text.with_columns(absent).with_columns(_none_if_blank(pl.exclude(LINE)))
    return (
        filled.rename({"value": "value_text"})
        .with_columns(
            timestamp_ms=to_milliseconds(pl.col("timestamp"), timestamp_unit),
            value=_finite(pl.col("value_text").str.strip_chars().cast(pl.Float64, strict=False)),
        )
        .with_columns(
            reason=pl.when(pl.any_horizontal(pl.col(pl.String).str.contains("\ufffd", literal=True)))
            .then(pl.lit("is not UTF-8"))
            .when(pl.col("user_id").is_null())
            .then(pl.lit("has no user_id"))
            .when(pl.col("item_id").is_null())
            .then(pl.lit("has no item_id"))
            .when(pl.col("timestamp").is_null())
            .then(pl.lit("has no timestamp"))
            .when(pl.col("timestamp_ms").is_null())
            .then(pl.lit(f"has a timestamp that cannot be read as {timestamp_unit}"))
            .when(pl.col("value_text").is_not_null() & pl.col("value").is_null())
            .then(pl.lit("has a value that is no number"))
        )
    )


def _finite(number: pl.Expr) -> pl.Expr:
    return pl.when(number.is_finite()).then(number)


def _none_if_blank(text: pl.Expr) -> pl.Expr:
    return pl.when(text.str.strip_chars() != "").then(text)


def _count_malformed(parsed: pl.DataFrame, columns: tuple[str, ...], malformed: Malformed) -> None:
    bad = parsed.filter(pl.col("reason").is_not_null()).rename({"value": "value_number", "value_text": "value"})
    for record in bad.group_by("reason", maintain_order=True).agg(pl.len(), pl.exclude("reason").first()).to_dicts():
        fields = " ".join(f"{column}={record[column] or ''}" for column in columns)
        malformed.add(record["reason"], record[LINE], fields, record["len"])


def _steps(malformed: Malformed, kept: int) -> tuple[CleaningStep, ...]:
    """Return one step a reason, the most frequent first; each keeps what the steps after it have not dropped yet."""
    steps = []
    for reason, dropped in reversed(malformed.counts.most_common()):
        first = malformed.first_lines[reason]
        steps.append(CleaningStep(name="malformed", reason=f"{reason} ({first})", dropped=dropped, kept=kept))
        kept += dropped
    return tuple(reversed(steps))
