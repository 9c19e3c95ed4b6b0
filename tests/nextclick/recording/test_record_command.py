"""`nextclick record`: a topic into a file, and nothing where it was interrupted."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest
from typer.testing import CliRunner

from nextclick.cli import app
from nextclick.recording.files import open_recording, read_whole
from nextclick.recording.recorder import record_topic
from nextclick.recording.selection import Selection
from tests.click_tables import MAY_2024_MS
from tests.nextclick.recording.made import links, make_recorded, make_records, read_recording
from tests.nextclick.recording.topics import create_topic, send_records

pytestmark = pytest.mark.broker


@pytest.fixture
def topic(broker: str, unique_name: Callable[[str], str]) -> str:
    return create_topic(broker, unique_name("recorded"), partitions=3)


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl.zst"])
def test_a_topic_becomes_a_file(broker: str, topic: str, tmp_path: Path, suffix: str) -> None:
    """Every record as it is; the report says what there is."""
    sent = make_records(30, partitions=3)
    send_records(broker, topic, sent)
    path = tmp_path / f"r{suffix}"
    command = ["record", str(path), "--topic", topic, "--bootstrap-servers", broker, "--json"]
    ended = CliRunner().invoke(app, command, catch_exceptions=False)
    assert ended.exit_code == 0
    said = json.loads(ended.stdout)
    offsets = [number // 3 for number in range(30)]
    assert read_recording(path) == links(
        [one._replace(offset=offset) for one, offset in zip(sent, offsets, strict=True)]
    )
    assert (said["records"], said["topic"], said["partitions"]) == (30, topic, 3)
    assert said["ranges"][2] == {"partition": 2, "records": 10, "first_offset": 0, "last_offset": 9}
    assert (said["first_timestamp_ms"], said["last_timestamp_ms"]) == (MAY_2024_MS, MAY_2024_MS + 29_000)
    assert said["digest"] == read_whole(path).digest
    assert open_recording(path).head.cluster_id


def test_options_choose_a_part(broker: str, topic: str, tmp_path: Path) -> None:
    """Time, offsets, partitions and number, as typed."""
    send_records(broker, topic, make_records(30, partitions=3))

    def recorded(name: str, *options: str) -> list[tuple[int, int]]:
        path = tmp_path / f"{name}.jsonl"
        command = ["record", str(path), "--topic", topic, "--bootstrap-servers", broker, *options]
        assert CliRunner().invoke(app, command, catch_exceptions=False).exit_code == 0
        return [record[:2] for record in read_recording(path)]

    assert recorded("partition", "--partition", "1", "--limit", "2") == [(1, 0), (1, 1)]
    assert recorded("offsets", "--offsets", "0:1-3", "--offsets", "2:-1") == [(2, 0), (0, 1), (0, 2)]
    times = ("--since", "2024-05-01T00:00:03", "--until", "2024-05-01T00:00:05")
    assert recorded("times", *times) == [(0, 1), (1, 1)]


def test_the_same_topic_gives_the_same_recording(broker: str, topic: str, tmp_path: Path) -> None:
    """Twice, and in both kinds of file: one identity."""
    send_records(broker, topic, make_records(300, partitions=3))
    reports = [
        record_topic(tmp_path / name, bootstrap_servers=broker, topic=topic, selection=Selection())
        for name in ("a.parquet", "b.parquet", "c.jsonl.zst")
    ]
    assert len({report.totals for report in reports if report}) == 1


def test_a_stopped_recording_leaves_nothing(broker: str, topic: str, tmp_path: Path) -> None:
    stop = Event()
    stop.set()
    send_records(broker, topic, [make_recorded()])
    report = record_topic(
        tmp_path / "r.parquet", bootstrap_servers=broker, topic=topic, selection=Selection(), stop=stop
    )
    assert report is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 1), (signal.SIGKILL, -9)])
def test_a_process_that_is_ended_leaves_no_recording(
    broker: str, topic: str, tmp_path: Path, number: signal.Signals, exit_code: int
) -> None:
    """SIGTERM cleans up; kill -9 cannot, and what it leaves is hidden and refused."""
    send_records(broker, topic, [make_recorded(0, n, value=os.urandom(40)) for n in range(100_000)])
    path = tmp_path / "r.jsonl"
    command = [sys.executable, "-m", "nextclick", "record", str(path), "--topic", topic]
    process = subprocess.Popen([*command, "--bootstrap-servers", broker], stderr=subprocess.DEVNULL)
    while not any(one.stat().st_size > 1_000_000 for one in tmp_path.iterdir()):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(number)
    assert process.wait(30) == exit_code
    assert not path.exists()
    left = list(tmp_path.iterdir())
    if number is signal.SIGTERM:
        assert left == []
    else:
        assert [one.name.startswith(".r.jsonl.") for one in left] == [True]
        with pytest.raises(Exception, match="is cut short: it ends after record"):
            read_whole(left[0])
