from datetime import date
from pathlib import Path

import polars as pl
import pytest

from models.errors import DataError
from models.preparation.click_log import Columns, read_click_log
from models.preparation.prepared_data import CLICK_SCHEMA, CleaningStep

COLUMNS = Columns(user="visitor", item="sku", timestamp="time")


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_log_becomes_the_click_table(tmp_path: Path) -> None:
    """Every column of a click is filled from the log's own column, in the order of the file."""
    path = write(
        tmp_path / "log.csv",
        "visitor,sku,time,visit,kind,stars",
        "ann,A,20,v1,view,4.5",
        "bob,B,10,,,",
    )
    columns = Columns.parse("user=visitor,item=sku,timestamp=time,session=visit,event_type=kind,value=stars")
    log = read_click_log(path, columns, "seconds")
    assert log.clicks.schema == CLICK_SCHEMA
    assert log.clicks.rows() == [
        ("ann", "v1", "A", 20000, "view", 4.5),
        ("bob", None, "B", 10000, None, None),
    ]
    assert log.malformed == ()


def test_columns_that_the_log_does_not_have_are_null(tmp_path: Path) -> None:
    """User, item and timestamp make a click; the rest may be missing."""
    path = write(tmp_path / "log.csv", "visitor,sku,time", "ann,A,20")
    assert read_click_log(path, COLUMNS).clicks.rows() == [("ann", None, "A", 20, None, None)]


def test_one_column_may_serve_twice(tmp_path: Path) -> None:
    """A log of sessions without users uses the session as the user."""
    path = write(tmp_path / "log.tsv", "SessionId\tItemId\tTime", "7\tA\t20")
    columns = Columns(user="SessionId", item="ItemId", timestamp="Time", session="SessionId")
    assert read_click_log(path, columns).clicks.rows() == [("7", "7", "A", 20, None, None)]


def test_records_that_are_no_clicks_are_counted_with_their_first_line(tmp_path: Path) -> None:
    """Each reason becomes a step that says how many records it cost and where the first one is."""
    path = write(
        tmp_path / "log.csv",
        "visitor,sku,time",
        ",A,1",
        "ann,  ,2",
        "ann,A,",
        "ann,A,noon",
        "ann,A,midnight",
        "ann,A",
        "ann,A,7",
    )
    log = read_click_log(path, COLUMNS)
    assert log.clicks.rows() == [("ann", None, "A", 7, None, None)]
    first, *others = log.malformed
    assert first == CleaningStep(
        name="malformed",
        reason="has a timestamp that cannot be read as milliseconds (line 5: user_id=ann item_id=A timestamp=noon)",
        dropped=2,
        kept=5,
    )
    assert {(step.reason, step.dropped) for step in others} == {
        ("has no user_id (line 2: user_id= item_id=A timestamp=1)", 1),
        ("has no item_id (line 3: user_id=ann item_id= timestamp=2)", 1),
        ("has no timestamp (line 4: user_id=ann item_id=A timestamp=)", 1),
        ("has 2 fields, not 3 (line 7: ann,A)", 1),
    }
    assert log.malformed[-1].kept == 1


def test_value_that_is_no_number_makes_a_record_malformed(tmp_path: Path) -> None:
    """A missing value is null; a value that cannot be read is a mistake worth counting."""
    path = write(tmp_path / "log.csv", "visitor,sku,time,stars", "ann,A,1,", "ann,B,2,many", "ann,C,3,nan")
    log = read_click_log(path, Columns(user="visitor", item="sku", timestamp="time", value="stars"))
    assert log.clicks["item_id"].to_list() == ["A"]
    reason = "has a value that is no number (line 3: user_id=ann item_id=B timestamp=2 value=many)"
    assert [(step.reason, step.dropped) for step in log.malformed] == [(reason, 2)]


def test_bytes_that_are_not_utf_8_make_a_record_malformed(tmp_path: Path) -> None:
    """One bad byte costs one record, not the file."""
    path = tmp_path / "log.csv"
    path.write_bytes(b"visitor,sku,time\nann,caf\xe9,1\nann,A,2\n")
    log = read_click_log(path, COLUMNS)
    assert log.clicks["item_id"].to_list() == ["A"]
    assert [(step.reason[:12], step.dropped) for step in log.malformed] == [("is not UTF-8", 1)]


def test_parquet_dates_need_no_unit(tmp_path: Path) -> None:
    """What the column's type says about the time goes before the unit that was named."""
    path = tmp_path / "log.parquet"
    pl.DataFrame({"visitor": ["ann"], "sku": ["A"], "time": [date(2008, 4, 1)]}).write_parquet(path)
    assert read_click_log(path, COLUMNS, "seconds").clicks["timestamp_ms"].to_list() == [1207008000000]


def test_log_without_a_single_click_is_an_error(tmp_path: Path) -> None:
    """A wrong unit is found at once, not after training on nothing."""
    path = write(tmp_path / "log.csv", "visitor,sku,time", "ann,A,2008-04-01")
    with pytest.raises(DataError, match="holds no click that can be used: has a timestamp that cannot be read as sec"):
        read_click_log(path, COLUMNS, "seconds")


@pytest.mark.parametrize("text", ["user", "user=", "=visitor", ""])
def test_mapping_that_maps_nothing_is_refused(text: str) -> None:
    """A mapping is column=name."""
    with pytest.raises(DataError, match="does not map a column"):
        Columns.parse(text)


def test_mapping_a_column_twice_is_refused() -> None:
    """The second would silently replace the first."""
    with pytest.raises(DataError, match="maps a column twice"):
        Columns.parse("user=visitor,user=account")


def test_mapping_of_a_column_that_clicks_do_not_have_is_refused() -> None:
    """The message names the columns that there are."""
    with pytest.raises(
        DataError, match="has no column price: it has user, item, timestamp, session, event_type, value"
    ):
        Columns.parse("user=visitor,price=eur")
