"""Recordings as JSON lines, plain or in zstd: a head, a line a record, totals at the end.

Bytes that are UTF-8 stand there as text, so that the file can be read, cut and searched with any tool; others as
`{"base64": ...}`.
"""

import io
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NoReturn, Self

import msgspec
import zstandard

from models.errors import RecordingError
from nextclick.recording.description import (
    RecordChecker,
    RecordingHead,
    RecordingTotals,
    RunningTotals,
    cut_short,
    require_version,
)
from nextclick.recording.records import RecordedRecord, TimestampType

COMPRESSED_SUFFIX = ".jsonl.zst"
PLAIN_SUFFIX = ".jsonl"
CHUNK_RECORDS = 4_096
_READ_BYTES = 1 << 20


class _Base64(msgspec.Struct, frozen=True):
    base64: str


# Bytes in JSON: text, base64, or null.
_Bytes = str | _Base64 | None


class _RecordLine(msgspec.Struct, frozen=True):
    partition: int
    offset: int
    previous_offset: int | None
    timestamp_ms: int
    timestamp_type: TimestampType
    key: _Bytes
    value: _Bytes
    headers: tuple[tuple[str | _Base64, _Bytes], ...]
    crc32: int


class _LastLine(msgspec.Struct, frozen=True):
    end: RecordingTotals


class _AnyHead(msgspec.Struct, frozen=True):
    """What every version's first line has."""

    nextclick_recording: int


class JsonlWriter:
    """Writes a recording; it is whole once `finish` returns.

    Args:
        path: The file, made anew; in zstd where it is called so.
        head: Its first line.
    """

    def __init__(self, path: Path, head: RecordingHead) -> None:
        self._file = path.open("xb")
        self._sink: BinaryIO = self._file
        if path.name.endswith(COMPRESSED_SUFFIX):
            compressor = zstandard.ZstdCompressor(write_checksum=True)
            self._sink = io.BufferedWriter(compressor.stream_writer(self._file), _READ_BYTES)  # type: ignore[type-var]
        self._encode = msgspec.json.Encoder().encode
        self._running = RunningTotals()
        self._write(head)

    def write(self, records: Sequence[RecordedRecord]) -> None:
        """Write the next records."""
        for record in records:
            checksum = self._running.add(record)
            headers = tuple((_text(name), _to_json(value)) for name, value in record.headers)
            place, key, value = record[:5], _to_json(record.key), _to_json(record.value)
            self._write(_RecordLine(*place, key, value, headers, checksum))

    def finish(self) -> RecordingTotals:
        """Write the totals and close the file."""
        totals = self._running.totals()
        self._write(_LastLine(totals))
        self._sink.close()
        self._file.close()
        return totals

    def abort(self) -> None:
        """Close the file as it is, without an end."""
        self._sink.close()
        self._file.close()

    def _write(self, line: msgspec.Struct) -> None:
        self._sink.write(self._encode(line) + b"\n")


class JsonlReader:
    """Reads a recording.

    Attributes:
        head: What it is of.
        totals: None until all has been read: they come last.

    Raises:
        RecordingError: If it is no recording, or one of another version.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.totals: RecordingTotals | None = None
        with _Lines(path) as lines:
            self.head = _head(path, next(iter(lines), b""))

    def chunks(self) -> Iterator[list[RecordedRecord]]:
        """Yield all records, checked, some thousands at a time.

        Raises:
            RecordingError: If one is not what was written, or the file ends too soon.
        """
        checker = RecordChecker(self._path)
        decoder = msgspec.json.Decoder(_RecordLine)
        chunk: list[RecordedRecord] = []
        end: RecordingTotals | None = None
        with _Lines(self._path) as lines:
            iterator = iter(lines)
            next(iterator, None)
            for line in iterator:
                if end is not None:
                    raise RecordingError(f"{self._path} goes on behind its end: two files in one? Record it again.")
                if line.startswith(b'{"end":'):
                    end = self._decode_end(line, checker.records)
                    continue
                chunk.append(self._decode_record(decoder, line, checker))
                if len(chunk) == CHUNK_RECORDS:
                    yield chunk
                    chunk = []
        if chunk:
            yield chunk
        self.totals = checker.check_end(end)

    def _decode_record(
        self, decoder: "msgspec.json.Decoder[_RecordLine]", line: bytes, checker: RecordChecker
    ) -> RecordedRecord:
        try:
            read = decoder.decode(line)
            headers = tuple((_bytes(name), _from_json(value)) for name, value in read.headers)
            record = RecordedRecord(
                read.partition,
                read.offset,
                read.previous_offset,
                read.timestamp_ms,
                read.timestamp_type,
                _from_json(read.key),
                _from_json(read.value),
                headers,
            )
        except (msgspec.DecodeError, ValueError) as error:
            self._refuse_line(line, checker.records, error)
        checker.check(record, read.crc32)
        return record

    def _decode_end(self, line: bytes, records: int) -> RecordingTotals:
        try:
            return msgspec.json.decode(line, type=_LastLine).end
        except msgspec.DecodeError as error:
            self._refuse_line(line, records, error)

    def _refuse_line(self, line: bytes, records: int, error: Exception) -> NoReturn:
        if not line.endswith(b"\n"):
            raise cut_short(self._path, records) from error
        raise RecordingError(f"{self._path}, record {records + 1}: it cannot be read: {error}.") from error


class _Lines:
    """The file's lines, unpacked."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Self:
        try:
            self._file = self._path.open("rb")
        except OSError as error:
            raise RecordingError(f"The recording {self._path} cannot be read: {error.strerror}.") from error
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[bytes]:
        lines: BinaryIO = self._file
        if self._path.name.endswith(COMPRESSED_SUFFIX):
            unpacked = zstandard.ZstdDecompressor().stream_reader(self._file, read_across_frames=True)
            lines = io.BufferedReader(unpacked, _READ_BYTES)
        number = 0
        try:
            for number, line in enumerate(lines, start=1):  # noqa: B007 - counted for the error
                yield line
        except zstandard.ZstdError as error:
            raise RecordingError(
                f"{self._path} is damaged after record {max(0, number - 1):,}: zstd says {error}. "
                "Copy it again, or record it again."
            ) from error


def _head(path: Path, line: bytes) -> RecordingHead:
    if not line.endswith(b"\n"):
        raise cut_short(path, 0)
    try:
        require_version(path, msgspec.json.decode(line, type=_AnyHead).nextclick_recording)
        return msgspec.json.decode(line, type=RecordingHead)
    except msgspec.DecodeError as error:
        raise RecordingError(f"{path} is no recording: its first line does not say so ({error}).") from error


def _to_json(content: bytes | None) -> _Bytes:
    return None if content is None else _text(content)


def _from_json(content: _Bytes) -> bytes | None:
    return None if content is None else _bytes(content)


def _text(content: bytes) -> str | _Base64:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return _Base64(b64encode(content).decode())


def _bytes(content: str | _Base64) -> bytes:
    return content.encode() if isinstance(content, str) else b64decode(content.base64, validate=True)
