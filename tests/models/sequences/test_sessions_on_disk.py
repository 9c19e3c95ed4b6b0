from pathlib import Path

import numpy as np
import polars as pl
import pytest

from models.errors import DataError
from models.preparation.click_generator import GeneratorConfig, generate_clicks
from models.preparation.prepared_data import CLICK_SCHEMA
from models.preparation.sessions import assign_sessions
from models.sequences.encoded_sessions import encode_sessions
from models.sequences.features import EventType, TimeGap
from models.sequences.sessions_on_disk import encode_sessions_on_disk, load_sessions
from models.sequences.vocabulary import ItemId, ItemVocabulary
from models.session_rule import SessionRule
from models.training.batches import iterate_lane_batches

FEATURES = (TimeGap(mean=1.0, std=2.0), EventType(("buy", "view")))


@pytest.fixture
def clicks() -> pl.DataFrame:
    """A prepared table of a thousand clicks: sessions interleave on the clock."""
    (generated,) = generate_clicks(GeneratorConfig(clicks=1_000, users=40, items=30, days=0.05))
    number = pl.int_range(pl.len())
    table = generated.select(
        "user_id",
        pl.lit(None, pl.String).alias("session_id"),
        "item_id",
        "timestamp_ms",
        event_type=pl.when(number % 3 == 0).then(pl.lit("buy")).when(number % 3 == 1).then(pl.lit("view")),
        value=pl.when(number % 2 == 0).then(number.cast(pl.Float64)),
    )
    return assign_sessions(table.cast(CLICK_SCHEMA), SessionRule(by_id=False, gap_ms=60_000))


def vocabulary_of(clicks: pl.DataFrame) -> ItemVocabulary:
    return ItemVocabulary([ItemId(item) for item in clicks["item_id"].unique().sort()[1:]])


def test_arrays_on_disk_are_those_in_memory(tmp_path: Path, clicks: pl.DataFrame) -> None:
    """All of them, an unknown item and clicks without a value included; loading again gives the same."""
    clicks.write_parquet(tmp_path / "train.parquet")
    vocabulary = vocabulary_of(clicks)
    in_memory = encode_sessions(clicks, vocabulary, FEATURES)
    encoded = encode_sessions_on_disk(
        tmp_path / "train.parquet", vocabulary, FEATURES, tmp_path / "encoded", clicks_at_once=150
    )
    for on_disk in (encoded, load_sessions(tmp_path / "encoded")):
        assert tuple(on_disk.session_ids) == in_memory.session_ids
        assert on_disk.session_ids[-2:] == in_memory.session_ids[-2:]
        assert np.array_equal(on_disk.first_click, in_memory.first_click)
        assert np.array_equal(on_disk.item_index, in_memory.item_index)
        assert np.array_equal(on_disk.timestamp_ms, in_memory.timestamp_ms)
        assert np.array_equal(on_disk.features, in_memory.features)
        assert on_disk.value is not None
        assert in_memory.value is not None
        assert np.array_equal(on_disk.value, in_memory.value, equal_nan=True)
    assert in_memory.item_index.min() == -1


def test_batches_of_sessions_on_disk_are_those_of_memory(tmp_path: Path, clicks: pl.DataFrame) -> None:
    """Number for number and in the types that a network takes."""
    known = clicks.filter(pl.col("item_id") != clicks["item_id"].unique().sort()[0])
    known.write_parquet(tmp_path / "train.parquet")
    vocabulary = vocabulary_of(clicks)
    in_memory = encode_sessions(known, vocabulary, ())
    on_disk = encode_sessions_on_disk(
        tmp_path / "train.parquet", vocabulary, (), tmp_path / "encoded", clicks_at_once=200
    )
    order = np.arange(len(in_memory))
    count = 0
    for expected, batch in zip(
        iterate_lane_batches(in_memory, order, lanes=8, window=5),
        iterate_lane_batches(on_disk, order, lanes=8, window=5),
        strict=True,
    ):
        for name in ("lane", "begins_session", "item_index", "features", "target_index", "is_click"):
            found, wanted = getattr(batch, name), getattr(expected, name)
            assert found.dtype == wanted.dtype
            assert np.array_equal(found, wanted)
        count += 1
    assert count > 10


def test_what_is_not_there_is_an_error(tmp_path: Path, clicks: pl.DataFrame) -> None:
    """No clicks, no files, and half of a file."""
    clicks.clear().write_parquet(tmp_path / "empty.parquet")
    with pytest.raises(DataError, match="holds no click"):
        encode_sessions_on_disk(tmp_path / "empty.parquet", vocabulary_of(clicks), (), tmp_path / "encoded")
    with pytest.raises(DataError, match="does not hold encoded sessions"):
        load_sessions(tmp_path)
    clicks.write_parquet(tmp_path / "train.parquet")
    encode_sessions_on_disk(tmp_path / "train.parquet", vocabulary_of(clicks), (), tmp_path / "encoded")
    (tmp_path / "encoded" / "item_index.i32").write_bytes(b"half")
    with pytest.raises(DataError, match="encode them again"):
        load_sessions(tmp_path / "encoded")
