"""Sessions that are changed piece by piece and put together again: in memory, or on disk where they were."""

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from models.sequences.encoded_sessions import EncodedSessions

# The arrays of `EncodedSessions` that have a row a click.
_OF_CLICKS = ("item_index", "timestamp_ms", "features", "value")
_Number = TypeVar("_Number", bound=np.generic)


def put_together(pieces: Iterable[EncodedSessions], sessions: EncodedSessions) -> EncodedSessions:
    """Put runs of sessions one behind the other.

    On disk the arrays are files in the folder of the sessions, mapped and unlinked at once: their room is free again
    when nobody has the arrays any more.

    Args:
        pieces: All the sessions in order, each with other clicks than before; without history.
        sessions: What they were made of.
    """
    if sessions.folder is None:
        return _in_memory(list(pieces), sessions)
    with TemporaryDirectory(prefix=".changed-", dir=sessions.folder) as folder:
        return _on_disk(pieces, sessions, Path(folder))


def _in_memory(pieces: list[EncodedSessions], sessions: EncodedSessions) -> EncodedSessions:
    if len(pieces) == 1:
        return pieces[0]
    values = [piece.value for piece in pieces if piece.value is not None]
    return replace(
        sessions,
        first_click=_first_clicks([piece.lengths for piece in pieces]),
        item_index=np.concatenate([piece.item_index for piece in pieces]),
        timestamp_ms=np.concatenate([piece.timestamp_ms for piece in pieces]),
        features=np.concatenate([piece.features for piece in pieces]),
        value=np.concatenate(values) if values else None,
    )


def _on_disk(pieces: Iterable[EncodedSessions], sessions: EncodedSessions, folder: Path) -> EncodedSessions:
    lengths = []
    with ExitStack() as opened:
        files = {name: opened.enter_context((folder / name).open("wb")) for name in _OF_CLICKS}
        for piece in pieces:
            lengths.append(piece.lengths)
            for name, file in files.items():
                array = getattr(piece, name)
                file.write(b"" if array is None else array.tobytes())
    first_click = _first_clicks(lengths)
    clicks = int(first_click[-1])
    return replace(
        sessions,
        first_click=first_click,
        item_index=_mapped(folder / "item_index", sessions.item_index, clicks),
        timestamp_ms=_mapped(folder / "timestamp_ms", sessions.timestamp_ms, clicks),
        features=_mapped(folder / "features", sessions.features, clicks),
        value=None if sessions.value is None else _mapped(folder / "value", sessions.value, clicks),
    )


def _first_clicks(lengths: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Return where each session begins, and the end, given the lengths piece by piece: (S + 1,)."""
    return np.concatenate(([0], np.cumsum(np.concatenate(lengths), dtype=np.int64)))


def _mapped(path: Path, original: NDArray[_Number], clicks: int) -> NDArray[_Number]:
    """Map a file of numbers like those of the original array, with other rows."""
    shape = (clicks, *original.shape[1:])
    if 0 in shape:  # nothing can be mapped of an empty file
        return np.zeros(shape, dtype=original.dtype)
    return np.memmap(path, dtype=original.dtype, mode="r", shape=shape)
