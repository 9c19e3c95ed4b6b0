from pathlib import Path

import polars as pl
import pytest

from models.errors import DataError
from models.preparation.click_generator import GeneratorConfig, generate_clicks, write_click_log
from models.preparation.click_log import Columns
from models.preparation.large_logs import is_large, prepare_large_log
from models.preparation.prepared_data import load_prepared_data
from models.preparation.preparing import prepare_own_log
from models.preparation.step_config import (
    Core,
    Duplicates,
    ImmediateRepeats,
    ImpossibleTimestamps,
    LongSessions,
    NormaliseValues,
    RareItems,
    Sessions,
    ShortSessions,
    SplitAtShare,
    SplitLastOut,
    Step,
    UnknownItems,
)

FILES = ("prepared.json", "train.parquet", "test.parquet")
WITH_IDS = Columns(session="session_id", value="value")


def write_log(folder: Path, *, shared_ids: bool = False) -> Path:
    """A generated log of two files with sessions, values, some malformed lines, repeats and duplicates."""
    config = GeneratorConfig(clicks=3_000, users=60, items=80, days=3, seed=1)
    (clicks,) = generate_clicks(config)
    number = pl.int_range(pl.len())
    visit = pl.col("timestamp_ms") // 3_600_000
    clicks = clicks.with_columns(
        user_id=pl.when(number % 500 != 7).then("user_id"),
        session_id=pl.format("{}", visit) if shared_ids else pl.format("{}-{}", "user_id", visit),
        value=(number % 5).cast(pl.Float64),
    )
    clicks = pl.concat([clicks, clicks.gather_every(100)]).with_columns(pl.col("timestamp_ms").cast(pl.String))
    folder.mkdir()
    clicks[:1000].write_parquet(folder / "clicks-1.parquet")
    clicks[1000:].write_parquet(folder / "clicks-2.parquet")
    return folder


@pytest.mark.parametrize(
    "steps",
    [
        (
            ImpossibleTimestamps(),
            Duplicates(),
            Sessions(by_id=False, gap_ms=60_000),
            ImmediateRepeats(),
            SplitAtShare(0.8),
            RareItems(12),
            ShortSessions(2),
            UnknownItems(),
            ShortSessions(2, "test"),
            NormaliseValues(),
        ),
        (Duplicates(), Sessions(by_id=True), SplitAtShare(0.7, "sessions"), Core(8, 3), LongSessions(4)),
        (Sessions(by_id=False), SplitLastOut(), LongSessions(20)),
    ],
)
@pytest.mark.parametrize("shared_ids", [False, True])
def test_parts_on_disk_give_the_same_bytes_as_memory(tmp_path: Path, steps: tuple[Step, ...], shared_ids: bool) -> None:
    """Whatever the steps; ids that two users share are found although the users lie in two parts."""
    log = write_log(tmp_path / "log", shared_ids=shared_ids)
    in_memory = prepare_own_log(log, WITH_IDS, "milliseconds", lambda recipe: recipe, steps)
    in_memory.save(tmp_path / "memory")
    prepared = prepare_large_log(log, WITH_IDS, "milliseconds", steps, tmp_path / "disk", clicks_at_once=500)
    for name in FILES:
        assert (tmp_path / "disk" / name).read_bytes() == (tmp_path / "memory" / name).read_bytes(), name
    assert sorted(path.name for path in (tmp_path / "disk").iterdir()) == sorted(FILES)
    assert prepared.train.clicks == in_memory.train.height
    assert prepared.test.users == in_memory.test["user_id"].n_unique()
    assert prepared.train.items == in_memory.train["item_id"].n_unique()


def test_what_is_no_click_is_counted_through_all_files(tmp_path: Path) -> None:
    """A line is known by its number in the whole log."""
    log = write_log(tmp_path / "log")
    prepared = prepare_large_log(
        log, WITH_IDS, "milliseconds", (Sessions(), SplitAtShare(0.8)), tmp_path / "disk", clicks_at_once=300
    )
    step = prepared.description.cleaning[0]
    assert (step.name, step.dropped) == ("malformed", 6 + 0)
    assert "line 8:" in step.reason


def test_an_older_catalogue_does_not_stay(tmp_path: Path) -> None:
    """What is written is all there is of it."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "catalogue.parquet").write_bytes(b"old")
    steps = (Sessions(by_id=False), SplitAtShare(0.8))
    prepare_large_log(write_log(tmp_path / "log"), Columns(), "milliseconds", steps, tmp_path / "disk")
    assert load_prepared_data(tmp_path / "disk").catalogue is None


def test_only_parquet_of_many_clicks_is_large(tmp_path: Path) -> None:
    """Text is read as a whole, and a small log is done sooner in memory."""
    assert not is_large(tmp_path / "clicks.csv", Columns())
    assert not is_large(write_log(tmp_path / "log"), Columns())
    with pytest.raises(DataError, match="holds no Parquet file"):
        is_large(tmp_path, Columns())


def test_the_same_log_is_generated_again(tmp_path: Path) -> None:
    """Of exactly as many clicks as were asked for, in files of their own chance."""
    config = GeneratorConfig(clicks=2_500, users=50, items=40, seed=3)
    assert write_click_log(config, tmp_path) == 1
    written = pl.read_parquet(tmp_path / "clicks-00001.parquet")
    assert written.equals(next(generate_clicks(config)))
    assert written.height == 2_500
    assert written["user_id"].n_unique() <= 50
    assert not written.equals(next(generate_clicks(GeneratorConfig(clicks=2_500, users=50, items=40, seed=4))))


def test_what_a_killed_preparation_left_is_cleared_away(tmp_path: Path) -> None:
    """The next one of that folder leaves the data and nothing else."""
    log = write_log(tmp_path / "log")
    left = tmp_path / "out" / ".preparing-abc"
    left.mkdir(parents=True)
    (left / "0.arrow").write_bytes(b"half")
    steps = (Sessions(by_id=False, gap_ms=1_800_000), SplitAtShare(share=0.9))
    prepare_large_log(log, Columns(), "milliseconds", steps, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(FILES)
