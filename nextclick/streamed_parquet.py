"""Parquet written while its rows arrive, one row group in memory at a time.

polars pulls: it runs in a thread of its own, takes tables from a short queue, and asks for the footer's metadata last,
when the totals are known. pyarrow could do the same; it would add 40 MB for that alone.
"""

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import polars as pl
from polars.io.plugins import register_io_source

# How often a full queue is asked whether anyone still empties it.
_QUEUE_CHECK_S = 0.5


class _Aborted(Exception):  # noqa: N818 - tells polars to stop, nobody else sees it
    pass


class StreamedParquet:
    """Writes a Parquet file in zstd; it is whole once `finish` returns.

    Args:
        path: The file.
        schema: Its columns.
        metadata: Asked for once, when all rows are written.
    """

    def __init__(self, path: Path, schema: pl.Schema, metadata: Callable[[], Mapping[str, str]]) -> None:
        self._path = path
        self._schema = schema
        self._metadata = metadata
        # None ends the file; an abort is told by the flag.
        self._tables: queue.Queue[pl.DataFrame | None] = queue.Queue(maxsize=2)
        self._is_aborted = False
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._sink, name="parquet-writer", daemon=True)
        self._thread.start()

    def write(self, table: pl.DataFrame) -> None:
        """Write a row group.

        Raises:
            OSError: If the disk is full, say.
        """
        self._put(table)

    def finish(self) -> None:
        """Write the footer and close the file.

        Raises:
            OSError: If the disk is full, say.
        """
        self._put(None)
        self._thread.join()
        self._raise_failure()

    def abort(self) -> None:
        """Stop writing; the file has no footer then."""
        self._is_aborted = True
        while self._thread.is_alive():
            try:
                self._tables.get_nowait()
            except queue.Empty:
                self._tables.put(None)
            self._thread.join(_QUEUE_CHECK_S)

    def _put(self, table: pl.DataFrame | None) -> None:
        while True:
            self._raise_failure()
            with contextlib.suppress(queue.Full):
                return self._tables.put(table, timeout=_QUEUE_CHECK_S)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise OSError(f"{self._path} cannot be written: {self._failure}") from self._failure

    def _sink(self) -> None:
        try:
            register_io_source(self._source, schema=self._schema).sink_parquet(
                self._path, compression="zstd", metadata=lambda _context: dict(self._metadata())
            )
        except BaseException as failure:  # noqa: BLE001 - whatever it is, the caller's thread must hear of it
            self._failure = failure

    def _source(
        self, _columns: object, _predicate: object, _rows: object, _batch_size: object
    ) -> Iterator[pl.DataFrame]:
        while (table := self._tables.get()) is not None:
            yield table
        if self._is_aborted:
            raise _Aborted
