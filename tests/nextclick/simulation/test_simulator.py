"""A simulation gives the lists of the pipeline, the same however it is cut, by the clock of the recording."""

import json
from collections.abc import Sequence
from pathlib import Path

import msgspec
import polars as pl
import pytest
import zstandard
from typer.testing import CliRunner

from export.artifact import Artifact
from models.errors import ArtifactError
from nextclick.cli import app
from nextclick.recording.description import RecordingHead
from nextclick.recording.records import RecordedRecord
from nextclick.simulation.simulator import SimulationTotals, Simulator
from tests.click_records import click_value
from tests.click_tables import MAY_2024_MS
from tests.nextclick.recording.made import make_head, make_recorded, write_recording
from tests.nextclick.simulation.clicks import recorded_clicks
from workers.pipeline import Pipeline
from workers.settings import Settings, load_settings

# Longer ago than any click of these tests is in the future.
RECORDED_LATE = make_head(recorded_at_ms=MAY_2024_MS + 400 * 86_400_000)


def simulate(
    artifact: Artifact,
    records: Sequence[RecordedRecord],
    head: RecordingHead = RECORDED_LATE,
    batch_records: int = 100,
    settings: Settings | None = None,
) -> tuple[list[bytes], SimulationTotals]:
    """Run a simulation to its end."""
    totals = SimulationTotals()
    lists: list[bytes] = []
    simulator = Simulator(
        artifact, settings or load_settings(artifact=artifact.folder), head, batch_records=batch_records
    )
    for batch in simulator.run(records):
        totals.add(batch)
        lists += batch.lists
    return lists, totals


def test_every_click_has_its_list_and_every_record_is_counted(tiny_artifact: Artifact) -> None:
    """Records == applied + without consent + dead letters; lists come in the order of their clicks."""
    records = recorded_clicks()
    lists, totals = simulate(tiny_artifact, records)
    letters = totals.dead_letters.total()
    assert totals.records == 600
    assert len(lists) == totals.lists.total() == 600 - letters
    assert 10 < letters < 40
    assert set(totals.lists) == {"personal", "popular", "single_click"}
    assert min(totals.late, totals.unknown_items, totals.without_consent) > 10
    sources = [(one["source"]["partition"], one["source"]["offset"]) for one in map(json.loads, lists)]
    assert sources == [one[:2] for one in records if one[:2] in set(sources)]


@pytest.mark.parametrize("batch_records", [1, 7, 600, 8_192])
def test_lists_do_not_depend_on_the_batches(tiny_artifact: Artifact, batch_records: int) -> None:
    """Nor on the run."""
    records = recorded_clicks()
    expected, totals = simulate(tiny_artifact, records)
    again, again_totals = simulate(tiny_artifact, records, batch_records=batch_records)
    assert again == expected
    assert again_totals.digest == totals.digest


def test_lists_do_not_depend_on_who_has_which_partitions(tiny_artifact: Artifact) -> None:
    """Two workers with two partitions each publish what one with four does."""
    records = recorded_clicks()
    one, _ = simulate(tiny_artifact, records)
    halves = [
        simulate(tiny_artifact, [record for record in records if record.partition % 2 == half])[0] for half in (0, 1)
    ]
    assert sorted(halves[0] + halves[1]) == sorted(one)
    assert min(map(len, halves)) > 200


def test_the_clock_is_the_recordings(tiny_artifact: Artifact) -> None:
    """A click a day and more ahead of its own record is refused, in 2024 as in 2124."""
    year_ms = 365 * 86_400_000
    for start_ms in (MAY_2024_MS, MAY_2024_MS + 100 * year_ms):
        records = [
            make_recorded(
                offset=offset,
                timestamp_ms=start_ms,
                value=click_value(timestamp_ms=start_ms + ahead_ms),
                previous_offset=offset - 1 if offset else None,
            )
            for offset, ahead_ms in enumerate([0, 86_400_000, 86_400_001, 0])
        ]
        _, totals = simulate(tiny_artifact, records, make_head(recorded_at_ms=start_ms + year_ms))
        assert totals.dead_letters == {"timestamp_in_future": 1}
        assert totals.lists.total() == 3


def test_no_record_was_written_after_it_was_recorded(tiny_artifact: Artifact) -> None:
    """A producer whose clock runs years ahead writes both times: the worker refused its click, and so do we."""
    later_ms = MAY_2024_MS + 3 * 86_400_000
    record = make_recorded(timestamp_ms=later_ms, value=click_value(timestamp_ms=later_ms))
    _, totals = simulate(tiny_artifact, [record], make_head(recorded_at_ms=MAY_2024_MS))
    assert totals.dead_letters == {"timestamp_in_future": 1}


def test_the_workers_settings_count(tiny_artifact: Artifact, tmp_path: Path) -> None:
    """The seen filter, other field names, items that are not available."""
    record = make_recorded(value=b'{"visitor":"ann","item_id":"item-04","timestamp_ms":1714521600000}')
    bias = tmp_path / "bias.csv"
    bias.write_text("item_id,bias\nitem-00,-inf\n", encoding="utf-8")
    settings = load_settings(
        artifact=tiny_artifact.folder, field_map="user_id=visitor", exclude_seen=True, item_bias_file=bias
    )
    (body,), _ = simulate(tiny_artifact, [record], settings=settings)
    assert not {"item-00", "item-04"} & set(json.loads(body)["items"])
    assert json.loads(body)["source"]["topic"] == "clicks"


def test_a_record_on_which_the_model_fails_is_a_dead_letter(
    tiny_artifact: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the worker does: the others have their lists, those of before it too."""
    records = recorded_clicks(50)
    expected, _ = simulate(tiny_artifact, records)
    poisoned = json.loads(expected[20])["source"]
    compute = Pipeline.compute

    def failing(pipeline: Pipeline, batch: list[object], refused: dict[int, str] | None = None) -> object:
        places = [(one.partition, one.offset) for one in batch]  # type: ignore[attr-defined]
        if (poisoned["partition"], poisoned["offset"]) in places:
            position = places.index((poisoned["partition"], poisoned["offset"]))
            if position not in (refused or {}):
                raise ArtifactError("It does not run.")
        return compute(pipeline, batch, refused or {})  # type: ignore[arg-type]

    monkeypatch.setattr(Pipeline, "compute", failing)
    lists, totals = simulate(tiny_artifact, records, batch_records=30)
    assert totals.dead_letters["model_failure"] == 1
    assert lists[:20] == expected[:20]
    assert len(lists) == len(expected) - 1


def test_what_a_damaged_recording_raises_comes_through(tiny_artifact: Artifact) -> None:
    """Behind the lists of the records before."""

    def records() -> object:
        yield from recorded_clicks(250)
        raise ValueError("damaged")

    with pytest.raises(ValueError, match="damaged"):
        simulate(tiny_artifact, records())  # type: ignore[arg-type]


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.zst", ".parquet"])
def test_the_command_keeps_the_lists(tiny_artifact: Artifact, tmp_path: Path, suffix: str) -> None:
    """Their bytes, or their columns; the digest is that of the bytes."""
    recording, out = tmp_path / "r.parquet", tmp_path / f"lists{suffix}"
    records = recorded_clicks(200)
    write_recording(recording, records, RECORDED_LATE)
    command = ["simulate", str(tiny_artifact.folder), str(recording), "--out", str(out), "--batch", "64", "--json"]
    ended = CliRunner().invoke(app, command, catch_exceptions=False)
    lists, totals = simulate(tiny_artifact, records)
    said = msgspec.json.decode(ended.stdout)
    assert (said["records"], said["digest"], said["lists"]) == (200, totals.digest, dict(totals.lists))
    if suffix == ".parquet":
        table = pl.read_parquet(out)
        for row, body in zip(table.to_dicts(), map(json.loads, lists), strict=True):
            assert (row["items"], row["user_id"], row["strategy"]) == (body["items"], body["user_id"], body["strategy"])
            assert row["offset"] == body["source"]["offset"]
            assert pl.Series(row["scores"], dtype=pl.Float32).equals(pl.Series(body["scores"], dtype=pl.Float32))
        return
    content = out.read_bytes()
    if suffix == ".jsonl.zst":
        content = zstandard.ZstdDecompressor().stream_reader(content).read()
    assert content == b"".join(body + b"\n" for body in lists)


def test_a_damaged_recording_leaves_no_lists(tiny_artifact: Artifact, tmp_path: Path) -> None:
    recording, out = tmp_path / "r.jsonl", tmp_path / "lists.jsonl"
    write_recording(recording, recorded_clicks(200), RECORDED_LATE)
    recording.write_bytes(recording.read_bytes()[:-300])
    ended = CliRunner().invoke(app, ["simulate", str(tiny_artifact.folder), str(recording), "--out", str(out)])
    assert "cut short: it ends after record" in str(ended.exception)
    assert [one.name for one in tmp_path.iterdir()] == ["r.jsonl"]


def test_people_are_told_in_words(tiny_artifact: Artifact, tmp_path: Path) -> None:
    recording = tmp_path / "r.jsonl.zst"
    write_recording(recording, recorded_clicks(200), RECORDED_LATE)
    said = CliRunner().invoke(app, ["simulate", str(tiny_artifact.folder), str(recording), "--partition", "2"]).stdout
    assert " lists (" in said
    assert "personal" in said
    assert "Digest of the lists: " in said
