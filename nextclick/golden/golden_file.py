"""The lists of a recording in one Parquet file: a row a click, exact scores, and what they were made from.

Items and scores of a list are each four-byte numbers, best first, the first bytes of all before the second ones: what
scores have in common then lies together, and zstd finds it. Items are numbers in the file's own list of items.

Legend: K list length.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.errors import RecordingError
from nextclick.recording.parquet import read_metadata
from nextclick.streamed_parquet import StreamedParquet

FORMAT_VERSION = 1
SUFFIX = ".golden.parquet"
METADATA_KEY = "nextclick.golden"
READ_LISTS = 1 << 14
_SCHEMA = pl.Schema(
    [
        ("partition", pl.Int32()),
        ("offset", pl.Int64()),
        ("user_id", pl.String()),
        ("strategy", pl.String()),
        ("items", pl.Binary()),
        ("scores", pl.Binary()),
    ]
)


class KeptList(NamedTuple):
    """A click's list.

    Attributes:
        partition: Where the click was.
        offset: Likewise.
        user_id: Whose it was.
        strategy: How the list came about.
        items: (K,) or fewer, best first.
        scores: As many.
    """

    partition: int
    offset: int
    user_id: str
    strategy: str
    items: tuple[str, ...]
    scores: NDArray[np.float32]


class GoldenHead(msgspec.Struct, frozen=True):
    """What golden lists were made from.

    Attributes:
        nextclick_golden: Version of the format.
        recording_digest: The recording's identity.
        records: How many records it has.
        topic: What was recorded.
        model_id: Who made the lists.
        settings: The worker's settings that shape a list, as text.
        lists: How many.
        items: Each item that a list has; lists name them by their number.
    """

    nextclick_golden: int
    recording_digest: str
    records: int
    topic: str
    model_id: str
    settings: Mapping[str, str]
    lists: int
    items: tuple[str, ...]


class GoldenWriter:
    """Writes golden lists.

    Args:
        path: Where to.
    """

    def __init__(self, path: Path) -> None:
        self._number_of: dict[str, int] = {}
        self._head: GoldenHead | None = None
        self._file = StreamedParquet(path, _SCHEMA, self._metadata)
        self.lists = 0

    def write(self, lists: Sequence[KeptList]) -> None:
        """Write the next lists."""
        if not lists:
            return
        self.lists += len(lists)
        rows = [(*one[:4], self._numbers(one.items), _planes(one.scores.astype("<f4"))) for one in lists]
        self._file.write(pl.DataFrame(rows, schema=_SCHEMA, orient="row"))

    def finish(self, head: GoldenHead) -> GoldenHead:
        """Write what the lists were made from and close the file; their number and items are filled in."""
        self._head = msgspec.structs.replace(head, lists=self.lists, items=tuple(self._number_of))
        self._file.finish()
        return self._head

    def abort(self) -> None:
        """Close the file, not whole."""
        self._file.abort()

    def _numbers(self, items: Iterable[str]) -> bytes:
        numbers = self._number_of
        return _planes(np.array([numbers.setdefault(item, len(numbers)) for item in items], dtype="<u4"))

    def _metadata(self) -> dict[str, str]:
        return {METADATA_KEY: msgspec.json.encode(self._head).decode()}


class GoldenFile:
    """Reads golden lists.

    Attributes:
        head: What they were made from.

    Raises:
        RecordingError: If they are none, are cut short, or are of another version.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        content = read_metadata(path).get(METADATA_KEY)
        if content is None:
            raise RecordingError(f"{path} has no golden lists: its metadata has no {METADATA_KEY}.")
        try:
            version = msgspec.json.decode(content)["nextclick_golden"]
            if version != FORMAT_VERSION:
                raise RecordingError(
                    f"{path} has golden lists of format {version!r}, this nextclick reads format {FORMAT_VERSION}: "
                    "make them again."
                )
            self.head = msgspec.json.decode(content, type=GoldenHead)
        except (msgspec.DecodeError, KeyError, TypeError) as error:
            raise RecordingError(f"{path} has no golden lists that can be read ({error}).") from error

    def lists(self) -> Iterator[KeptList]:
        """Yield the lists in the order of their clicks.

        Raises:
            RecordingError: If some are missing or damaged.
        """
        read = 0
        while read < self.head.lists:
            table = self._read(read)
            if table.is_empty():
                raise RecordingError(f"{self._path} is cut short: it ends after list {read:,} of {self.head.lists:,}.")
            for partition, offset, user_id, strategy, items, scores in table.iter_rows():
                named = tuple(self.head.items[number] for number in _joined(items).view("<u4").tolist())
                yield KeptList(partition, offset, user_id, strategy, named, _joined(scores).view("<f4"))
            read += table.height

    def _read(self, start: int) -> pl.DataFrame:
        try:
            return pl.scan_parquet(self._path).slice(start, READ_LISTS).collect()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise RecordingError(f"{self._path} is damaged after list {start:,}: {error}") from error


def _planes(numbers: NDArray[np.generic]) -> bytes:
    """Return the first bytes of all numbers, then the second ones, and so on."""
    return numbers.view(np.uint8).reshape(-1, 4).T.tobytes()


def _joined(planes: bytes) -> NDArray[np.uint8]:
    """Return the bytes of each number beside each other again."""
    return np.ascontiguousarray(np.frombuffer(planes, np.uint8).reshape(4, -1).T).reshape(-1)
