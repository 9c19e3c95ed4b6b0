"""A recording's file: its kind by its name, its place only once it is whole."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from models.errors import RecordingError
from nextclick.file_writing import staged_file
from nextclick.recording import jsonl, parquet
from nextclick.recording.description import RecordingHead, RecordingTotals
from nextclick.recording.records import RecordedRecord

SUFFIXES = (parquet.SUFFIX, jsonl.COMPRESSED_SUFFIX, jsonl.PLAIN_SUFFIX)
_HEAD_BYTES = b'{"nextclick_recording":'


class RecordingWriter(Protocol):
    """Writes a recording of one kind."""

    def write(self, records: list[RecordedRecord]) -> None:
        """Write the next records."""

    def finish(self) -> RecordingTotals:
        """Make the file whole and close it."""
        ...

    def abort(self) -> None:
        """Close the file, not whole."""


class Recording(Protocol):
    """Reads a recording of one kind.

    Attributes:
        head: What it is of.
        totals: What it should hold; None where that stands at the end, and that has not been read.
    """

    head: RecordingHead
    totals: RecordingTotals | None

    def chunks(self) -> Iterator[list[RecordedRecord]]:
        """Yield all records, checked, some thousands at a time.

        Raises:
            RecordingError: If one is not what was written, or some are missing; it names the record's number.
        """
        ...


@contextlib.contextmanager
def recording_writer(path: Path, head: RecordingHead) -> Iterator[RecordingWriter]:
    """Yield a writer; once the block has called its `finish`, the file gets its name.

    Until then it lies beside its place under a hidden name, and it goes when the block raises or ends without `finish`.
    Should the process be killed, what it leaves has no end and is refused as cut short.

    Raises:
        RecordingError: If something is at its place, or it cannot be written.
    """
    with staged_file(path, SUFFIXES) as staging:
        kind = parquet.ParquetWriter if path.name.endswith(parquet.SUFFIX) else jsonl.JsonlWriter
        writer = _Finishable(kind(staging, head))
        try:
            yield writer
        finally:
            if not writer.is_finished:
                writer.abort()
                staging.unlink(missing_ok=True)


class _Finishable:
    def __init__(self, writer: RecordingWriter) -> None:
        self._writer = writer
        self.is_finished = False

    def write(self, records: list[RecordedRecord]) -> None:
        self._writer.write(records)

    def finish(self) -> RecordingTotals:
        totals = self._writer.finish()
        self.is_finished = True
        return totals

    def abort(self) -> None:
        self._writer.abort()


def open_recording(path: Path) -> Recording:
    """Return a recording's reader.

    Raises:
        RecordingError: If it is no recording, is cut short, or is one of another version.
    """
    if path.name.endswith(parquet.SUFFIX):
        return parquet.ParquetReader(path)
    if path.name.endswith(SUFFIXES):
        return jsonl.JsonlReader(path)
    raise RecordingError(f"{path} is no recording: they are called {', '.join('*' + suffix for suffix in SUFFIXES)}.")


def is_recording(path: Path) -> bool:
    """Tell a recording from a click log that has the same suffix, by how it begins."""
    if path.name.endswith(jsonl.COMPRESSED_SUFFIX):
        return True
    if not path.is_file():
        return False
    if path.name.endswith(parquet.SUFFIX):
        return parquet.METADATA_KEY in parquet.read_metadata(path)
    with path.open("rb") as file:
        return file.read(len(_HEAD_BYTES)) == _HEAD_BYTES


def read_whole(path: Path) -> RecordingTotals:
    """Read a recording to its end and return what it holds: nothing of it is lost or damaged then.

    Raises:
        RecordingError: If something is; it names the record's number.
    """
    recording = open_recording(path)
    for _ in recording.chunks():
        pass
    assert recording.totals is not None  # noqa: S101 - known once all chunks were read
    return recording.totals
