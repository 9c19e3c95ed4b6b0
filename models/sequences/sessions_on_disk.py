"""Encoded sessions that lie on disk: `encode_sessions` for a table of clicks that does not fit into memory.

    sessions.json           how many clicks, sessions and feature columns
    item_index.i32          (N,) and so on: the arrays of `EncodedSessions`, little-endian, one after the other
    timestamp_ms.i64
    features.f32            (N, F)
    value.f32               only where a click has one
    first_click.i64         (S + 1,)
    session_ids.utf8        the ids one after the other; session_id_ends.i64 says where each ends

They are mapped into memory, not read: training deals sessions in order of time, so that it goes through the files from
front to back, and what is in memory is what the operating system has room for.

Legend as in `encoded_sessions`.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, overload

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.errors import DataError
from models.preparation.parts_on_disk import CLICKS_AT_ONCE, PartsOnDisk
from models.preparation.sessions import session_gap_ms, values_of
from models.sequences.encoded_sessions import UNKNOWN_ITEM, EncodedSessions
from models.sequences.features import Feature, encode_features, feature_width
from models.sequences.vocabulary import ItemVocabulary

DESCRIPTION_FILE = "sessions.json"
_ITEMS, _TIMES, _FEATURES, _VALUES = "item_index.i32", "timestamp_ms.i64", "features.f32", "value.f32"
_FIRST_CLICKS, _IDS, _ID_ENDS = "first_click.i64", "session_ids.utf8", "session_id_ends.i64"


class _Sizes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `sessions.json` holds."""

    clicks: int
    sessions: int
    feature_width: int
    has_values: bool


class SessionIdsOnDisk(Sequence[str]):
    """Session ids, read one by one when they are asked for.

    Args:
        folder: Where the files lie.
        count: S.
    """

    def __init__(self, folder: Path, count: int) -> None:
        self._text = np.memmap(folder / _IDS, dtype=np.uint8, mode="r")
        self._ends = np.memmap(folder / _ID_ENDS, dtype="<i8", mode="r", shape=(count,))

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        if isinstance(index, slice):
            return tuple(self[number] for number in range(*index.indices(len(self))))
        number = range(len(self))[index]
        begin = self._ends[number - 1] if number else 0
        return self._text[begin : self._ends[number]].tobytes().decode()


def encode_sessions_on_disk(
    clicks: Path,
    vocabulary: ItemVocabulary,
    features: Sequence[Feature],
    folder: Path,
    *,
    clicks_at_once: int = CLICKS_AT_ONCE,
) -> EncodedSessions:
    """Turn a file of clicks in order of time into sessions of rows: the arrays that `encode_sessions` makes.

    Args:
        clicks: `train.parquet` of prepared data.
        vocabulary: The items and their rows.
        features: The model's features, in the order of their columns.
        folder: Where the arrays go; what is worked on lies there meanwhile.
        clicks_at_once: How many clicks are in memory, roughly.

    Raises:
        DataError: If there is no click.
    """
    count = int(pl.scan_parquet(clicks).select(pl.len()).collect().item())
    if not count:
        raise DataError(f"{clicks} holds no click: there are no sessions to encode.")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / DESCRIPTION_FILE).unlink(missing_ok=True)
    with TemporaryDirectory(prefix=".encoding-", dir=folder) as working:
        pieces = _read_pieces(clicks, vocabulary, count, clicks_at_once)
        parts = PartsOnDisk.deal(pieces, "session_id", Path(working), -(-count // clicks_at_once))
        parts.map(_bring_sessions_together)
        sizes = _write_arrays(parts.merge("first_row", "row", clicks_at_once), features, folder)
    (folder / DESCRIPTION_FILE).write_bytes(msgspec.json.encode(sizes))
    return load_sessions(folder)


def load_sessions(folder: Path) -> EncodedSessions:
    """Map what `encode_sessions_on_disk` wrote.

    Raises:
        DataError: If there is nothing, or it is not whole.
    """
    try:
        sizes = msgspec.json.decode((folder / DESCRIPTION_FILE).read_bytes(), type=_Sizes)
        return EncodedSessions(
            session_ids=SessionIdsOnDisk(folder, sizes.sessions),
            first_click=np.memmap(folder / _FIRST_CLICKS, dtype="<i8", mode="r", shape=(sizes.sessions + 1,)),
            item_index=np.memmap(folder / _ITEMS, dtype="<i4", mode="r", shape=(sizes.clicks,)),
            timestamp_ms=np.memmap(folder / _TIMES, dtype="<i8", mode="r", shape=(sizes.clicks,)),
            features=_map_features(folder, sizes),
            value=np.memmap(folder / _VALUES, dtype="<f4", mode="r", shape=(sizes.clicks,))
            if sizes.has_values
            else None,
        )
    except (OSError, ValueError, msgspec.DecodeError) as error:
        raise DataError(f"{folder} does not hold encoded sessions ({error}): encode them again.") from error


def _map_features(folder: Path, sizes: _Sizes) -> NDArray[np.float32]:
    shape = (sizes.clicks, sizes.feature_width)
    if not sizes.feature_width:
        return np.zeros(shape, dtype=np.float32)  # nothing can be mapped of an empty file
    return np.memmap(folder / _FEATURES, dtype="<f4", mode="r", shape=shape)


def _read_pieces(clicks: Path, vocabulary: ItemVocabulary, count: int, clicks_at_once: int) -> Iterator[pl.DataFrame]:
    """Yield the clicks with their items' rows and their own, `row`."""
    items = pl.DataFrame({"item_id": vocabulary.item_ids, "item_index": np.arange(len(vocabulary), dtype=np.int32)})
    table = pl.scan_parquet(clicks)
    for begin in range(0, count, clicks_at_once):
        piece = table.slice(begin, clicks_at_once).collect()
        indexed = piece.join(items, on="item_id", how="left", maintain_order="left")
        yield indexed.select(
            "session_id",
            pl.col("item_index").fill_null(UNKNOWN_ITEM),
            "timestamp_ms",
            "event_type",
            "value",
            row=pl.int_range(begin, begin + piece.height, dtype=pl.Int64),
        )


def _bring_sessions_together(part: pl.DataFrame) -> pl.DataFrame:
    return part.with_columns(first_row=pl.col("row").min().over("session_id"), gap_ms=session_gap_ms()).sort(
        "first_row", "row"
    )


def _write_arrays(pieces: Iterator[pl.DataFrame], features: Sequence[Feature], folder: Path) -> _Sizes:
    """Write one piece behind the other; a session begins wherever `first_row` changes."""
    clicks = sessions = id_end = 0
    has_values = False
    with ExitStack() as opened:
        files: dict[str, IO[bytes]] = {
            name: opened.enter_context((folder / name).open("wb"))
            for name in (_ITEMS, _TIMES, _FEATURES, _VALUES, _FIRST_CLICKS, _IDS, _ID_ENDS)
        }
        # All of a session's clicks are in one piece: they have one first_row.
        for piece in pieces:
            files[_ITEMS].write(piece["item_index"].to_numpy().astype("<i4").tobytes())
            files[_TIMES].write(piece["timestamp_ms"].to_numpy().astype("<i8").tobytes())
            if features:
                gaps, event_types = piece["gap_ms"].to_list(), piece["event_type"].to_list()
                encoded = encode_features(features, gaps, event_types, values_of(piece["value"]))
                files[_FEATURES].write(encoded.astype("<f4").tobytes())
            has_values |= piece["value"].null_count() < piece.height
            files[_VALUES].write(values_of(piece["value"]).astype("<f4").tobytes())
            begins = np.flatnonzero(np.diff(piece["first_row"].to_numpy(), prepend=-1))
            files[_FIRST_CLICKS].write((clicks + begins).astype("<i8").tobytes())
            ids = [session_id.encode() for session_id in piece["session_id"].gather(begins)]
            ends = id_end + np.cumsum([len(session_id) for session_id in ids])
            files[_IDS].write(b"".join(ids))
            files[_ID_ENDS].write(ends.astype("<i8").tobytes())
            clicks, sessions, id_end = clicks + piece.height, sessions + len(ids), int(ends[-1])
        files[_FIRST_CLICKS].write(np.array([clicks], dtype="<i8").tobytes())
    return _Sizes(clicks, sessions, feature_width(features), has_values)
