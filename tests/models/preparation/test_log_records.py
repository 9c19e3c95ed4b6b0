import gzip
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from models.errors import DataError
from models.preparation.log_records import read_records


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_csv_columns_are_read_by_name_whatever_their_order(tmp_path: Path) -> None:
    """A column is found by its name, and the others are left alone."""
    path = write(tmp_path / "log.csv", "time,user,page,item\n1,ann,3,A\n2,bob,4,B\n")
    records = read_records(path, ("user", "item"))
    assert records.table.rows() == [(2, "ann", "A"), (3, "bob", "B")]
    assert not records.malformed.counts


def test_byte_order_mark_and_windows_line_ends_are_no_part_of_the_data(tmp_path: Path) -> None:
    """A CSV file as spreadsheets save it reads like any other."""
    path = write(tmp_path / "log.csv", b"\xef\xbb\xbfuser,item\r\nann,A\r\n")
    assert read_records(path, ("user", "item")).table.rows() == [(2, "ann", "A")]


def test_quoted_fields_may_hold_separators_and_line_ends(tmp_path: Path) -> None:
    """Quoting works as in RFC 4180, and the number of a record is that of its first line."""
    path = write(tmp_path / "log.csv", 'user,item\n"ann, the first","A\nB"\nbob,C\n')
    assert read_records(path, ("user", "item")).table.rows() == [(2, "ann, the first", "A\nB"), (4, "bob", "C")]


def test_quotes_mean_nothing_in_tab_separated_text(tmp_path: Path) -> None:
    """A title with one quotation mark does not swallow the lines after it."""
    path = write(tmp_path / "log.tsv", 'user\titem\nann\t"A\nbob\tB\n')
    assert read_records(path, ("user", "item")).table.rows() == [(2, "ann", '"A'), (3, "bob", "B")]


def test_lines_with_too_few_or_too_many_fields_are_counted(tmp_path: Path) -> None:
    """A line of another width is set aside with its number and its text; an empty line is nothing at all."""
    path = write(tmp_path / "log.csv", "user,item\nann\n\nann,A,B\nbob\nbob,B\n")
    records = read_records(path, ("user", "item"))
    assert records.table.rows() == [(6, "bob", "B")]
    assert records.malformed.counts == {"has 1 fields, not 2": 2, "has 3 fields, not 2": 1}
    assert records.malformed.first_lines["has 1 fields, not 2"] == "line 2: ann"


def test_quote_that_is_never_closed_counts_every_line_that_it_swallows(tmp_path: Path) -> None:
    """Lines that quoting makes unreadable are counted one by one, not as one record."""
    path = write(tmp_path / "log.csv", 'user,item\nann,A\nbob,"B\ncid,C\ndan,D\n')
    records = read_records(path, ("user", "item"))
    assert records.table.rows() == [(2, "ann", "A")]
    assert records.malformed.counts == {"cannot be taken apart: unexpected end of data": 3}
    assert list(records.malformed.first_lines.values()) == ["line 3"]


@pytest.mark.parametrize("packing", ["gz", "zst"])
def test_compressed_text_is_read_as_text(tmp_path: Path, packing: str) -> None:
    """Gzip and Zstandard are told by the name's ending."""
    path = tmp_path / f"log.csv.{packing}"
    if packing == "gz":
        path.write_bytes(gzip.compress(b"user,item\nann,A\n"))
    else:
        pl.DataFrame({"user": ["ann"], "item": ["A"]}).write_csv(path, compression="zstd")
    assert read_records(path, ("user", "item")).table.rows() == [(2, "ann", "A")]


def test_json_lines_give_text_for_strings_and_numbers(tmp_path: Path) -> None:
    """A number is read as its digits; null, booleans, lists and objects say nothing."""
    path = write(
        tmp_path / "log.jsonl",
        '{"user": "ann", "item": 7}\n\n{"item": 1.5, "user": null}\n{"user": true, "item": ["A"], "more": 1}\n',
    )
    assert read_records(path, ("user", "item")).table.rows() == [(1, "ann", "7"), (3, None, "1.5"), (4, None, None)]


def test_json_lines_that_are_no_objects_are_counted(tmp_path: Path) -> None:
    """Broken JSON and JSON of another shape are set aside, each with its reason."""
    path = write(tmp_path / "log.ndjson", '{"user": "ann"}\nnope\n[1]\n')
    records = read_records(path, ("user",))
    assert records.table.rows() == [(1, "ann")]
    assert list(records.malformed.first_lines.values()) == ["line 2: nope", "line 3: [1]"]


def test_parquet_dates_are_read_as_milliseconds(tmp_path: Path) -> None:
    """A column of dates becomes the digits of its milliseconds, whatever its own unit and zone."""
    path = tmp_path / "log.parquet"
    moment = datetime(2008, 4, 1, tzinfo=UTC)
    pl.DataFrame({"user": [7], "time": [moment]}, schema_overrides={"time": pl.Datetime("us", "UTC")}).write_parquet(
        path
    )
    records = read_records(path, ("user", "time"))
    assert records.table.rows() == [(1, "7", "1207008000000")]
    assert records.datetimes == {"time"}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("log.csv", "user,item\nann,A\n", "has no column session: it has user, item."),
        ("log.jsonl", '{"user": "ann"}\n', "has no column session: it has user."),
        ("log.csv", "", "has no header"),
        ("log.csv", '"user\n', "has no header"),
        ("log.xlsx", "", "is of no known format"),
        ("log.csv.gz", "user,item\n", "cannot be read"),
        ("log.parquet", "user,item\n", "cannot be read"),
    ],
)
def test_unreadable_log_is_an_error_that_names_the_file(tmp_path: Path, name: str, content: str, message: str) -> None:
    """A log that cannot be read as what its name says is refused, saying what is there instead."""
    path = write(tmp_path / name, content)
    with pytest.raises(DataError, match=message) as caught:
        read_records(path, ("session",))
    assert str(path) in str(caught.value)


def test_damaged_gzip_file_is_an_error(tmp_path: Path) -> None:
    """A file that was cut off, and one with a wrong byte, are refused, not read in part."""
    packed = gzip.compress(b"user,item\n" + b"".join(f"ann,{number}\n".encode() for number in range(9999)))
    damaged = bytearray(packed)
    damaged[10] = 0xFF  # the first block's header, behind ten bytes of gzip's own
    for content in (packed[: len(packed) // 2], bytes(damaged)):
        with pytest.raises(DataError, match="cannot be read"):
            read_records(write(tmp_path / "log.csv.gz", content), ("user",))


def test_missing_log_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    """A log that is not there is refused like one that cannot be read."""
    with pytest.raises(DataError, match=r"nowhere\.csv cannot be read"):
        read_records(tmp_path / "nowhere.csv", ("user",))
