"""A recording keeps every byte, and whatever became of its file is said plainly, with the record's number."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import polars as pl
import pytest
import zstandard

from models.errors import RecordingError
from nextclick.recording import parquet
from nextclick.recording.files import SUFFIXES, is_recording, open_recording, read_whole, recording_writer
from nextclick.recording.records import RecordedRecord
from tests.click_tables import MAY_2024_MS
from tests.nextclick.recording.made import make_head, make_recorded, make_records, read_recording, write_recording

every_kind = pytest.mark.parametrize("suffix", SUFFIXES)


@every_kind
def test_every_byte_comes_back(tmp_path: Path, suffix: str) -> None:
    """Null and empty keys and values, bytes that are no text, headers in order, twice, without a value."""
    records = make_records(10_000, partitions=3)
    path = tmp_path / f"r{suffix}"
    totals = write_recording(path, records)
    assert read_recording(path) == records
    assert read_whole(path) == totals
    assert open_recording(path).head == make_head()
    assert list(tmp_path.iterdir()) == [path]


def test_every_kind_has_one_identity(tmp_path: Path) -> None:
    """The same records give the same totals and the same digest, whatever the file."""
    totals = {suffix: write_recording(tmp_path / f"r{suffix}", make_records()) for suffix in SUFFIXES}
    assert len(set(totals.values())) == 1
    (one,) = set(totals.values())
    assert (one.records, one.first_timestamp_ms, one.last_timestamp_ms) == (12, MAY_2024_MS, MAY_2024_MS + 11_000)
    assert [(range_.partition, range_.records, range_.first_offset) for range_ in one.ranges] == [
        (0, 6, make_records()[0].offset),
        (1, 6, make_records()[1].offset),
    ]


@every_kind
def test_nothing_is_a_recording_too(tmp_path: Path, suffix: str) -> None:
    """A topic without records."""
    write_recording(tmp_path / f"r{suffix}", [])
    assert read_recording(tmp_path / f"r{suffix}") == []
    assert read_whole(tmp_path / f"r{suffix}").first_timestamp_ms is None


def test_plain_lines_can_be_read_by_a_person(tmp_path: Path) -> None:
    """Text is text, bytes that are none are base64."""
    write_recording(tmp_path / "r.jsonl", make_records(5))
    lines = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text(encoding="utf-8").splitlines()]
    assert lines[0] == msgspec.to_builtins(make_head())
    assert (lines[1]["key"], lines[1]["value"], lines[1]["headers"]) == (None, None, [])
    assert lines[3]["key"] == {"base64": "/wA="}
    assert lines[3]["headers"][:2] == [["h", None], ["h", {"base64": "/g=="}]]
    assert lines[4]["key"] == "jürgen"
    assert lines[-1]["end"]["records"] == 5


@every_kind
def test_what_is_not_finished_is_not_there(tmp_path: Path, suffix: str) -> None:
    """Neither after an exception nor after a block that did not call `finish`."""

    def interrupted(error: type[BaseException] | None) -> None:
        with recording_writer(tmp_path / f"r{suffix}", make_head()) as writer:
            writer.write(make_records(66_000, partitions=3))
            if error is not None:
                raise error

    with pytest.raises(KeyboardInterrupt):
        interrupted(KeyboardInterrupt)
    interrupted(None)
    assert list(tmp_path.iterdir()) == []


@every_kind
def test_nothing_is_overwritten(tmp_path: Path, suffix: str) -> None:
    """What is there stays there."""
    path = tmp_path / f"r{suffix}"
    path.write_bytes(b"mine")
    with pytest.raises(RecordingError, match=r"is there already: name another file, or remove it"):
        write_recording(path, make_records())
    assert path.read_bytes() == b"mine"


def test_a_name_that_says_no_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"name the file \*\.parquet, \*\.jsonl\.zst, \*\.jsonl"):
        write_recording(tmp_path / "r.csv", [])
    with pytest.raises(RecordingError, match=r"is no recording: they are called"):
        open_recording(tmp_path / "r.csv")


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(RecordingError, match="cannot be written"):
        write_recording(tmp_path / "file" / "r.jsonl", [])


@every_kind
def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(RecordingError, match=r"cannot be read: .*[Nn]o such file"):
        open_recording(tmp_path / f"r{suffix}")


@every_kind
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_file_cut_short_says_so(tmp_path: Path, suffix: str, share: float) -> None:
    """Wherever it is cut, by one byte or by all."""
    path = tmp_path / f"r{suffix}"
    write_recording(path, make_records(5_000))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(RecordingError, match="is cut short"):
        read_whole(path)


def test_cut_lines_say_how_far_they_go(tmp_path: Path) -> None:
    """Cut between two records, and in the middle of one."""
    path = tmp_path / "r.jsonl"
    write_recording(path, make_records(10))
    lines = path.read_bytes().splitlines(keepends=True)
    for content in (b"".join(lines[:8]), b"".join(lines[:8]) + lines[8][:30]):
        path.write_bytes(content)
        with pytest.raises(RecordingError, match=r"is cut short: it ends after record 7 "):
            read_whole(path)


# What is done to twelve records of two partitions between writing and reading, and what is said of it.
Harm = Callable[[list[RecordedRecord]], Sequence[RecordedRecord]]
HARMS: dict[str, tuple[Harm, str]] = {
    "a record missing": (lambda r: [*r[:5], *r[6:]], r"record 7 \(partition 1, offset \d+\): there is a gap.*offset"),
    "the first missing": (lambda r: r[1:], r"record 2 \(partition 0, .*a gap.*no record comes before it here"),
    "two swapped": (lambda r: [*r[:4], r[6], r[5], r[4], *r[7:]], r"record 5 \(partition 0, .*a gap"),
    "one twice": (lambda r: [*r[:5], r[4], *r[5:]], r"record 6 \(partition 0, offset \d+\): out of order"),
    "the last missing": (lambda r: r[:-1], r"cut short: it holds 11 records and should hold 12. Record 12 is missing"),
    "partitions shuffled": (lambda r: [r[1], r[0], *r[2:]], r"after record 12 the checksum of the whole is wrong"),
}


@every_kind
@pytest.mark.parametrize("name", HARMS)
def test_harm_is_said_with_the_records_number(tmp_path: Path, suffix: str, name: str) -> None:
    """Every record is as it was written, but not all of them are there, or not in their order."""
    harm, said = HARMS[name]
    path = tmp_path / f"r{suffix}"
    write_recording(path, make_records())
    rearrange(path, harm)
    with pytest.raises(RecordingError, match=said):
        read_whole(path)


@every_kind
@pytest.mark.parametrize(
    "changed",
    [
        {"value": b"other"},
        {"key": b"bob"},
        {"key": None},
        {"timestamp_ms": 1},
        {"timestamp_type": "append"},
        {"headers": ((b"x", b""),)},
        {"partition": 2},
    ],
    ids="".join,
)
def test_a_changed_field_is_a_wrong_checksum(tmp_path: Path, suffix: str, changed: dict[str, object]) -> None:
    """Whichever field it is, of the ninth record."""
    path = tmp_path / f"r{suffix}"
    write_recording(path, make_records())
    rearrange(path, lambda records: [*records[:8], records[8]._replace(**changed), *records[9:]])  # type: ignore[arg-type]
    with pytest.raises(RecordingError, match=r"record 9 \(partition \d, offset \d+\): its checksum is wrong"):
        read_whole(path)


def rearrange(path: Path, harm: Harm) -> None:
    """Change a recording's records as someone would who does not know of checksums."""
    if path.name.endswith(".parquet"):
        table = pl.read_parquet(path)
        kept = dict(zip((record[:2] for record in read_recording(path)), table["crc32"].to_list(), strict=True))
        records = list(harm(read_recording(path)))
        rows = parquet._table([(one, kept.get(one[:2], kept[max(kept)])) for one in records])
        rows.write_parquet(path, metadata=pl.read_parquet_metadata(path))
        return
    content = path.read_bytes()
    if path.name.endswith(".zst"):
        content = zstandard.ZstdDecompressor().stream_reader(content).read()
    first, *lines, last = content.splitlines(keepends=True)
    with_lines = [(record, json.loads(line)) for record, line in zip(read_recording(path), lines, strict=True)]
    kept_lines = {record[:2]: line for record, line in with_lines}
    changed = b"".join(_line(record, kept_lines) for record in harm([record for record, _ in with_lines]))
    content = first + changed + last
    path.write_bytes(zstandard.ZstdCompressor().compress(content) if path.name.endswith(".zst") else content)


def _line(record: RecordedRecord, lines: dict[tuple[int, int], dict[str, object]]) -> bytes:
    line = dict(lines.get(record[:2], lines[max(lines)]))
    line |= {name: getattr(record, name) for name in ("partition", "offset", "previous_offset")}
    line |= {"timestamp_ms": record.timestamp_ms, "timestamp_type": record.timestamp_type}
    for name in ("key", "value"):
        content = getattr(record, name)
        if not isinstance(line[name], dict):
            line[name] = None if content is None else content.decode()
    if record.headers == ((b"x", b""),):
        line["headers"] = [["x", ""]]
    return json.dumps(line).encode() + b"\n"


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_another_version_is_named(tmp_path: Path, suffix: str) -> None:
    """The version is said before anything else is read."""
    path = tmp_path / f"r{suffix}"
    write_recording(path, make_records(), msgspec.structs.replace(make_head(), nextclick_recording=2))
    with pytest.raises(RecordingError, match=r"is a recording of format 2, this nextclick reads format 1"):
        open_recording(path)


def test_a_flipped_bit_in_zstd_is_told(tmp_path: Path) -> None:
    """The codec's own checksum, should the bit not hurt the lines."""
    path = tmp_path / "r.jsonl.zst"
    write_recording(path, make_records(5_000))
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)
    with pytest.raises(RecordingError, match="is damaged after record"):
        read_whole(path)


def test_two_files_in_one_are_told(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    write_recording(path, make_records(3))
    path.write_bytes(path.read_bytes() * 2)
    with pytest.raises(RecordingError, match="goes on behind its end"):
        read_whole(path)


def test_other_files_are_no_recordings(tmp_path: Path) -> None:
    """A click log may have the same suffix."""
    (tmp_path / "log.jsonl").write_text('{"user_id": "ann"}\n', encoding="utf-8")
    pl.DataFrame({"user_id": ["ann"]}).write_parquet(tmp_path / "log.parquet")
    write_recording(tmp_path / "r.parquet", [make_recorded()])
    write_recording(tmp_path / "r.jsonl", [make_recorded()])
    assert {path.name for path in tmp_path.iterdir() if is_recording(path)} == {"r.parquet", "r.jsonl"}
    assert not is_recording(tmp_path / "absent.parquet")
    for name in ("log.jsonl", "log.parquet"):
        with pytest.raises(RecordingError, match="is no recording"):
            open_recording(tmp_path / name)
