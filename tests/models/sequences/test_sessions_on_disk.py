from pathlib import Path

import numpy as np
import polars as pl
import pytest

from models.errors import DataError
from models.preparation.click_generator import GeneratorConfig, generate_clicks
from models.preparation.click_parts import IS_TEST, ClicksInMemory
from models.preparation.parts_on_disk import PartsOnDisk
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


def deal(clicks: pl.DataFrame, folder: Path) -> PartsOnDisk:
    """The clicks in four parts by users."""
    (folder / "parts").mkdir()
    return PartsOnDisk.deal(ClicksInMemory.of_log(clicks), "user_id", folder / "parts", 4)


def test_arrays_on_disk_are_those_in_memory(tmp_path: Path, clicks: pl.DataFrame) -> None:
    """All of them, an unknown item and clicks without a value included; loading again gives the same."""
    vocabulary = vocabulary_of(clicks)
    in_memory = encode_sessions(clicks, vocabulary, FEATURES)
    parts = deal(clicks, tmp_path)
    encoded = encode_sessions_on_disk(parts, "all", vocabulary, FEATURES, tmp_path / "encoded", clicks_at_once=150)
    for on_disk in (encoded, load_sessions(tmp_path / "encoded")):
        assert tuple(on_disk.session_ids) == in_memory.session_ids
        assert tuple(on_disk.session_ids[-2:]) == in_memory.session_ids[-2:]
        assert tuple(on_disk.session_ids[3:9][1:-1]) == in_memory.session_ids[4:8]
        assert on_disk.session_ids[3:9][::2] == in_memory.session_ids[3:9:2]
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
    vocabulary = vocabulary_of(clicks)
    in_memory = encode_sessions(known, vocabulary, ())
    parts = deal(known, tmp_path)
    on_disk = encode_sessions_on_disk(parts, "all", vocabulary, (), tmp_path / "encoded", clicks_at_once=200)
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


def test_sessions_on_disk_have_their_history(tmp_path: Path, clicks: pl.DataFrame) -> None:
    """Earlier clicks of the sessions that are gone on with come before them and are not predicted; others are left."""
    vocabulary = vocabulary_of(clicks)
    earlier, later = clicks.head(700), clicks.tail(300)
    in_memory = encode_sessions(later, vocabulary, FEATURES, history=earlier)
    parts = deal(clicks, tmp_path).map(lambda table: table.with_columns((pl.col("row") >= 700).alias(IS_TEST)))
    on_disk = encode_sessions_on_disk(
        parts, "test", vocabulary, FEATURES, tmp_path / "encoded", with_history=True, clicks_at_once=100
    )
    by_id = {session_id: place for place, session_id in enumerate(in_memory.session_ids)}
    assert set(on_disk.session_ids) == set(by_id)
    assert in_memory.first_predicted is not None
    assert on_disk.first_predicted is not None
    assert 0 < np.count_nonzero(in_memory.first_predicted > 1) < len(in_memory)
    for place, session_id in enumerate(on_disk.session_ids):
        expected = by_id[session_id]
        assert on_disk.first_predicted[place] == in_memory.first_predicted[expected]
        found, wanted = (
            encoded.item_index[encoded.first_click[number] : encoded.first_click[number + 1]]
            for encoded, number in ((on_disk, place), (in_memory, expected))
        )
        assert np.array_equal(found, wanted)


def test_what_is_not_there_is_an_error(tmp_path: Path, clicks: pl.DataFrame) -> None:
    """No clicks, no files, and half of a file."""
    nothing = ClicksInMemory.of_log(clicks.clear())
    with pytest.raises(DataError, match="There are no clicks"):
        encode_sessions_on_disk(nothing, "all", vocabulary_of(clicks), (), tmp_path / "encoded")
    with pytest.raises(DataError, match="does not hold encoded sessions"):
        load_sessions(tmp_path)
    encode_sessions_on_disk(ClicksInMemory.of_log(clicks), "all", vocabulary_of(clicks), (), tmp_path / "encoded")
    (tmp_path / "encoded" / "item_index.i32").write_bytes(b"half")
    with pytest.raises(DataError, match="encode them again"):
        load_sessions(tmp_path / "encoded")
