"""Encoded sessions that lie on disk: `encode_sessions` for clicks that do not fit into memory.

    sessions.json           how many clicks, sessions and feature columns
    item_index.i32          (N,) and so on: the arrays of `EncodedSessions`, little-endian, one after the other
    timestamp_ms.i64
    features.f32            (N, F)
    value.f32               only where a click has one
    first_click.i64         (S + 1,)
    session_ids.utf8        the ids one after the other; session_id_ends.i64 says where each ends
    first_predicted.i64     (S,), only where sessions have a history

They are mapped into memory, not read: training in order of time goes through the files from front to back, and what is
in memory is what the operating system has room for.

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
from models.preparation.click_parts import ROW, ClickParts, Part, among
from models.preparation.parts_on_disk import CLICKS_AT_ONCE, PartsOnDisk
from models.preparation.sessions import session_gap_ms, values_of
from models.sequences.encoded_sessions import UNKNOWN_ITEM, EncodedSessions
from models.sequences.features import Feature, encode_features, feature_width
from models.sequences.vocabulary import ItemVocabulary

DESCRIPTION_FILE = "sessions.json"
_ITEMS, _TIMES, _FEATURES, _VALUES = "item_index.i32", "timestamp_ms.i64", "features.f32", "value.f32"
_FIRST_CLICKS, _PREDICTED = "first_click.i64", "first_predicted.i64"
_IDS, _ID_ENDS = "session_ids.utf8", "session_id_ends.i64"
_INT32, _INT64, _FLOAT32 = "<i4", "<i8", "<f4"


class _Sizes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `sessions.json` holds."""

    clicks: int
    sessions: int
    feature_width: int
    has_values: bool
    has_history: bool


class SessionIdsOnDisk(Sequence[str]):
    """Session ids, read one by one when they are asked for.

    Args:
        text: The ids one after the other, in UTF-8.
        ends: Where each ends, (S,).
        begin: Where the first one begins.
    """

    def __init__(self, text: NDArray[np.uint8], ends: NDArray[np.int64], begin: int = 0) -> None:
        self._text = text
        self._ends = ends
        self._begin = begin

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            chosen = range(len(self))[index]
            if chosen.step != 1:
                return tuple(self[number] for number in chosen)
            return SessionIdsOnDisk(self._text, self._ends[chosen.start : chosen.stop], self._begin_of(chosen.start))
        number = range(len(self))[index]
        return self._text[self._begin_of(number) : self._ends[number]].tobytes().decode()

    def _begin_of(self, number: int) -> int:
        return int(self._ends[number - 1]) if number else self._begin


def encode_sessions_on_disk(
    clicks: ClickParts,
    part: Part,
    vocabulary: ItemVocabulary,
    features: Sequence[Feature],
    folder: Path,
    *,
    with_history: bool = False,
    clicks_at_once: int = CLICKS_AT_ONCE,
) -> EncodedSessions:
    """Turn clicks in parts into sessions of rows: the arrays that `encode_sessions` makes of a table of them.

    Args:
        clicks: Each part in order of time, and a session in one part. They stay as they are.
        part: The clicks to encode.
        vocabulary: The items and their rows.
        features: The model's features, in the order of their columns.
        folder: Where the arrays go; what is worked on lies there meanwhile.
        with_history: The other clicks of these sessions, the earlier ones, come before them and are not predicted.
        clicks_at_once: How many clicks are in memory, roughly.

    Raises:
        DataError: If there is no click.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / DESCRIPTION_FILE).unlink(missing_ok=True)
    items = pl.DataFrame({"item_id": vocabulary.item_ids, "item_index": np.arange(len(vocabulary), dtype=np.int32)})
    together = (_bring_sessions_together(table, part, items, with_history=with_history) for table in clicks)
    with TemporaryDirectory(prefix=".encoding-", dir=folder) as working:
        sessions = PartsOnDisk.written(together, Path(working))
        if not sessions.count():
            raise DataError("There are no clicks, and so no sessions to encode.")
        sizes = _write_arrays(
            sessions.merge("first_row", ROW, clicks_at_once), features, folder, has_history=with_history
        )
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
            session_ids=SessionIdsOnDisk(
                np.memmap(folder / _IDS, dtype=np.uint8, mode="r"),
                np.memmap(folder / _ID_ENDS, dtype=_INT64, mode="r", shape=(sizes.sessions,)),
            ),
            first_click=np.memmap(folder / _FIRST_CLICKS, dtype=_INT64, mode="r", shape=(sizes.sessions + 1,)),
            item_index=np.memmap(folder / _ITEMS, dtype=_INT32, mode="r", shape=(sizes.clicks,)),
            timestamp_ms=np.memmap(folder / _TIMES, dtype=_INT64, mode="r", shape=(sizes.clicks,)),
            features=_map_features(folder, sizes),
            value=np.memmap(folder / _VALUES, dtype=_FLOAT32, mode="r", shape=(sizes.clicks,))
            if sizes.has_values
            else None,
            first_predicted=np.memmap(folder / _PREDICTED, dtype=_INT64, mode="r", shape=(sizes.sessions,))
            if sizes.has_history
            else None,
            folder=folder,
        )
    except (OSError, ValueError, msgspec.DecodeError) as error:
        raise DataError(f"{folder} does not hold encoded sessions ({error}): encode them again.") from error


def _map_features(folder: Path, sizes: _Sizes) -> NDArray[np.float32]:
    shape = (sizes.clicks, sizes.feature_width)
    if not sizes.feature_width:
        return np.zeros(shape, dtype=np.float32)  # nothing can be mapped of an empty file
    return np.memmap(folder / _FEATURES, dtype=_FLOAT32, mode="r", shape=shape)


def _bring_sessions_together(
    table: pl.DataFrame, part: Part, items: pl.DataFrame, *, with_history: bool
) -> pl.DataFrame:
    """Order a part by sessions, and those by their first clicks; nothing of it is kept that no array is made of."""
    wanted = among(part).any().over("session_id") if with_history else among(part)
    return (
        table.filter(wanted)
        .join(items, on="item_id", how="left", maintain_order="left")
        .select(
            "session_id",
            pl.col("item_index").fill_null(UNKNOWN_ITEM),
            "timestamp_ms",
            "event_type",
            "value",
            ROW,
            first_row=pl.col(ROW).min().over("session_id"),
            gap_ms=session_gap_ms(),
            is_history=~among(part),
        )
        .sort("first_row", ROW)
    )


def _write_arrays(
    pieces: Iterator[pl.DataFrame], features: Sequence[Feature], folder: Path, *, has_history: bool
) -> _Sizes:
    """Write one piece behind the other; a session begins wherever `first_row` changes."""
    clicks = sessions = id_end = 0
    has_values = False
    with ExitStack() as opened:
        files: dict[str, IO[bytes]] = {
            name: opened.enter_context((folder / name).open("wb"))
            for name in (_ITEMS, _TIMES, _FEATURES, _VALUES, _FIRST_CLICKS, _PREDICTED, _IDS, _ID_ENDS)
        }
        # All of a session's clicks are in one piece: they have one first_row.
        for piece in pieces:
            files[_ITEMS].write(piece["item_index"].to_numpy().astype(_INT32).tobytes())
            files[_TIMES].write(piece["timestamp_ms"].to_numpy().astype(_INT64).tobytes())
            if features:
                gaps, event_types = piece["gap_ms"].to_list(), piece["event_type"].to_list()
                encoded = encode_features(features, gaps, event_types, values_of(piece["value"]))
                files[_FEATURES].write(encoded.astype(_FLOAT32).tobytes())
            has_values |= piece["value"].null_count() < piece.height
            files[_VALUES].write(values_of(piece["value"]).astype(_FLOAT32).tobytes())
            begins = np.flatnonzero(np.diff(piece["first_row"].to_numpy(), prepend=-1))
            files[_FIRST_CLICKS].write((clicks + begins).astype(_INT64).tobytes())
            history = np.add.reduceat(piece["is_history"].to_numpy().astype(np.int64), begins)
            files[_PREDICTED].write(np.maximum(history, 1).astype(_INT64).tobytes())
            ids = [session_id.encode() for session_id in piece["session_id"].gather(begins)]
            ends = id_end + np.cumsum([len(session_id) for session_id in ids])
            files[_IDS].write(b"".join(ids))
            files[_ID_ENDS].write(ends.astype(_INT64).tobytes())
            clicks, sessions, id_end = clicks + piece.height, sessions + len(ids), int(ends[-1])
        files[_FIRST_CLICKS].write(np.array([clicks], dtype=_INT64).tobytes())
    return _Sizes(clicks, sessions, feature_width(features), has_values, has_history)
