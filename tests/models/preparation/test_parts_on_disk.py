from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.preparation.parts_on_disk import PartsOnDisk


def make_parts(folder: Path, times: list[int], count: int = 3) -> PartsOnDisk:
    """Rows of ten users at these times, each part in order of time."""
    rows = pl.DataFrame(
        {"user": [f"user-{time % 10}" for time in times], "time": times, "row": range(len(times))},
        schema={"user": pl.String(), "time": pl.Int64(), "row": pl.Int64()},
    )
    pieces = [rows[:7], rows[7:]]
    folder.mkdir(parents=True, exist_ok=True)
    return PartsOnDisk.deal(pieces, "user", folder, count).map(lambda part: part.sort("time", "row"))


def test_a_user_is_in_one_part(tmp_path: Path) -> None:
    """Whatever piece his rows came in; none is lost, and columns can be read alone."""
    parts = make_parts(tmp_path, [*range(20)])
    users = [set(part["user"]) for part in parts]
    assert sum(len(some) for some in users) == len(set.union(*users)) == 10
    assert parts.count() == 20
    assert [part.columns for part in parts.columns("row")] == [["row"]] * 3


def test_a_part_that_does_not_change_is_not_written_again(tmp_path: Path) -> None:
    """Most steps drop nothing from most parts."""
    parts = make_parts(tmp_path, [*range(20)])
    before = [path.stat().st_ino for path in sorted(tmp_path.iterdir())]
    parts.map(lambda part: part)
    assert [path.stat().st_ino for path in sorted(tmp_path.iterdir())] == before
    parts.map(lambda part: part.filter(pl.col("time") > 5))
    assert parts.count() == 14


@settings(deadline=None, max_examples=25)
@given(times=st.lists(st.integers(0, 400), max_size=60), rows_at_once=st.integers(1, 20))
def test_parts_are_merged_into_one_order(
    tmp_path_factory: pytest.TempPathFactory, times: list[int], rows_at_once: int
) -> None:
    """By time and then by row, all rows of one time in one piece, and no piece is empty."""
    parts = make_parts(tmp_path_factory.mktemp("parts"), times)
    pieces = list(parts.merge("time", "row", rows_at_once))
    merged = [row for piece in pieces for row in piece.select("time", "row").rows()]
    assert merged == sorted(zip(times, range(len(times)), strict=True))
    assert all(piece.height for piece in pieces)
    assert sum(piece["time"].n_unique() for piece in pieces) == len(set(times))
