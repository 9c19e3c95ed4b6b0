"""Clicks in parts on disk: what lets a log be prepared that does not fit into memory.

One Parquet file a part. At any time one part is in memory, and when parts are merged a slice of each. How much that is
follows from `CLICKS_AT_ONCE`, not from the log; but a single user's clicks are never taken apart.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.preparation.click_parts import Change, ClickParts

# Some 100 bytes a click, a few copies while a step works on them: below a gigabyte.
CLICKS_AT_ONCE = 1_000_000
# A merge reads a slice of every part: small groups, so that it does not decode much more than it wants.
_ROWS_IN_GROUP = 16_384
_SAMPLED = 256


class PartsOnDisk(ClickParts):
    """Parts as `part-0000.parquet` and so on in a folder, which is theirs alone.

    Args:
        folder: Where they lie.
        count: How many there are.
    """

    def __init__(self, folder: Path, count: int) -> None:
        self._paths = [_path(folder, number) for number in range(count)]

    @staticmethod
    def deal(pieces: Iterable[pl.DataFrame], key: str, folder: Path, count: int) -> "PartsOnDisk":
        """Deal rows to parts, all of one key to the same; in a part rows keep their order.

        Args:
            pieces: The rows, in pieces that fit into memory.
            key: The column that says which rows belong together.
            folder: An empty folder.
            count: How many parts.
        """
        dealt: list[list[Path]] = [[] for _ in range(count)]
        schema = pl.Schema()
        for number, piece in enumerate(pieces):
            schema = piece.schema
            part_of_row = (pl.col(key).hash(seed=0) % count).alias("part of row")
            for (part,), rows in piece.with_columns(part_of_row).partition_by("part of row", as_dict=True).items():
                path = folder / f"dealt-{part:04}-{number:06}.parquet"
                rows.drop("part of row").write_parquet(path, compression="lz4", statistics=False)
                dealt[part].append(path)
        parts = PartsOnDisk(folder, count)
        for path, sources in zip(parts._paths, dealt, strict=True):
            table = pl.read_parquet(sources) if sources else pl.DataFrame(schema=schema)
            _write(table, path)
            for source in sources:
                source.unlink()
        return parts

    @staticmethod
    def written(tables: Iterable[pl.DataFrame], folder: Path) -> "PartsOnDisk":
        """Write tables to an empty folder, each as a part of its own."""
        count = 0
        for number, table in enumerate(tables):
            _write(table, _path(folder, number))
            count = number + 1
        return PartsOnDisk(folder, count)

    def __iter__(self) -> Iterator[pl.DataFrame]:
        for path in self._paths:
            yield pl.read_parquet(path)

    def map(self, change: Change) -> "PartsOnDisk":
        """Change every part in its place."""
        for path in self._paths:
            table = pl.read_parquet(path)
            changed = change(table)
            if changed is not table:
                _write(changed, path)
        return self

    def columns(self, *names: str) -> Iterator[pl.DataFrame]:
        """Yield some columns of the parts, and read no others."""
        return (pl.read_parquet(path, columns=list(names)) for path in self._paths)

    def count(self) -> int:
        """Return how many rows there are, without reading them."""
        return sum(pl.scan_parquet(path).select(pl.len()).collect().item() for path in self._paths)

    def merge(self, by: str, then_by: str, rows_at_once: int = CLICKS_AT_ONCE) -> Iterator[pl.DataFrame]:
        """Yield all rows in one order, piece by piece.

        Args:
            by: The column that orders rows, ascending in each part already; all rows of one number come in one piece.
            then_by: The column that orders rows of one number.
            rows_at_once: How many rows a piece has, roughly.
        """
        begins = self._slices(by, rows_at_once)  # (P, pieces + 1)
        for piece in range(begins.shape[1] - 1):
            slices = [
                pl.scan_parquet(path).slice(int(begin), int(end - begin)).collect()
                for path, begin, end in zip(self._paths, begins[:, piece], begins[:, piece + 1], strict=True)
                if end > begin
            ]
            yield pl.concat(slices).sort(by, then_by)

    def _slices(self, by: str, rows_at_once: int) -> NDArray[np.int64]:
        """Find where each piece begins in each of P parts, and where the last one ends: (P, pieces + 1)."""
        samples = np.sort(np.concatenate([_column(path, by)[::_SAMPLED] for path in self._paths]))
        borders = np.unique(samples[:: max(1, rows_at_once // _SAMPLED)][1:])
        begins = []
        for path in self._paths:
            column = _column(path, by)
            begins.append([0, *np.searchsorted(column, borders), len(column)])
        filled = np.array(begins, dtype=np.int64)
        # A border below which nothing lies would make an empty piece.
        return filled[:, np.concatenate(([True], np.diff(filled.sum(axis=0)) > 0))]


def _path(folder: Path, number: int) -> Path:
    return folder / f"part-{number:04}.parquet"


def _write(table: pl.DataFrame, path: Path) -> None:
    partial = path.with_suffix(".partial")
    table.write_parquet(partial, compression="lz4", statistics=False, row_group_size=_ROWS_IN_GROUP)
    partial.replace(path)


def _column(path: Path, name: str) -> NDArray[np.int64]:
    column: NDArray[np.int64] = pl.read_parquet(path, columns=[name])[name].to_numpy()
    return column
