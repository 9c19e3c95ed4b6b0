"""Recorded records go into a topic as they were, and nowhere that they should not."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from kafka.partitioner import murmur2
from typer.testing import CliRunner

from models.errors import DataError, TopicError
from nextclick.cli import app
from nextclick.recording.records import RecordedRecord
from nextclick.recording.replayer import Kept, Tempo, _Due, parse_kept, replay_records
from nextclick.recording.selection import Selection
from nextclick.recording.sources import topic_records
from tests.click_tables import MAY_2024_MS
from tests.nextclick.recording.made import (
    links,
    make_head,
    make_recorded,
    make_records,
    read_recording,
    write_recording,
)
from tests.nextclick.recording.topics import create_topic, read_topic, send_records

# Two partitions, as `make_records` has them.
HEAD = make_head(partitions=2)


def invoke(*arguments: str) -> tuple[int, str]:
    """Run the command; return exit code and what it said."""
    result = CliRunner().invoke(app, ["replay", *arguments], env={"COLUMNS": "200", "TERM": "dumb"})
    return result.exit_code, result.output + (str(result.exception) if result.exception else "")


@pytest.fixture
def target(broker: str, unique_name: Callable[[str], str]) -> str:
    return create_topic(broker, unique_name("target"))


@pytest.mark.broker
def test_record_replay_record_is_the_same(broker: str, target: str, tmp_path: Path) -> None:
    """From a file into a topic and back into a file: every byte, header and timestamp; offsets are the topic's."""
    records = make_records(40)
    write_recording(tmp_path / "r.parquet", records, HEAD)
    report_code, said = invoke(
        str(tmp_path / "r.parquet"),
        *("--topic", target, "--bootstrap-servers", broker, "--keep", "keys,partitions,headers,timestamps", "--json"),
    )
    assert report_code == 0, said
    report = msgspec.json.decode(said)
    assert (report["sent"], report["acknowledged"], report["failed"], report["stopped"]) == (40, 40, 0, False)
    assert report["acknowledged_by_partition"] == {"0": 20, "1": 20}
    command = ["record", str(tmp_path / "again.jsonl.zst"), "--topic", target, "--bootstrap-servers", broker]
    assert CliRunner().invoke(app, command).exit_code == 0
    offsets = [number // 2 for number in range(40)]
    expected = links([one._replace(offset=offset) for one, offset in zip(records, offsets, strict=True)])
    assert read_recording(tmp_path / "again.jsonl.zst") == expected


@pytest.mark.broker
@pytest.mark.parametrize("keep", ["keys", "headers", "partitions", "nothing"])
def test_what_is_kept(broker: str, target: str, keep: str) -> None:
    """Only what was asked for, beside the value; the timestamp is the present then."""
    records = make_records(12)
    replay_records(records, HEAD, bootstrap_servers=broker, topic=target, cluster_id="there", kept=parse_kept(keep))
    read = read_topic(broker, target)
    assert sorted(str(one.value) for one in read) == sorted(str(one.value) for one in records)
    by_value = {one.value: one for one in read}
    for sent in records[4:]:
        found = by_value[sent.value]
        by_key = (murmur2(sent.key) & 0x7FFFFFFF) % 2
        assert found.key == (sent.key if keep == "keys" else None)
        assert found.partition == (by_key if keep == "keys" else sent.partition)
    headers = sorted(one.headers for one in read)
    assert headers == (sorted(one.headers for one in records) if keep == "headers" else [()] * 12)
    assert min(one.timestamp_ms for one in read) > MAY_2024_MS + 30 * 86_400_000


@pytest.mark.broker
def test_another_number_of_partitions_is_refused_unless_forced(broker: str, target: str) -> None:
    """Forced, each user's clicks stay together, where the key says; records without a key go by their number."""
    head, records = make_head(partitions=4), make_records(30, partitions=4)
    with pytest.raises(TopicError, match=r"has 2 partitions, clicks had 4: .* --partitions 4, or --force it"):
        replay_records(records, head, bootstrap_servers=broker, topic=target, cluster_id="there")
    assert read_topic(broker, target) == []
    report = replay_records(records, head, bootstrap_servers=broker, topic=target, cluster_id="there", force=True)
    assert report.acknowledged == 30
    for one in read_topic(broker, target):
        expected = 0 if one.key is None else (murmur2(one.key) & 0x7FFFFFFF) % 2
        assert one.partition == expected


@pytest.mark.broker
def test_its_own_source_is_refused_unless_forced(broker: str, target: str) -> None:
    """By name and cluster; a cluster without a name may be the same one."""
    records = [make_recorded()]
    for here, there in (("a", "a"), (None, "a"), ("a", None)):
        head = make_head(topic=target, partitions=2, cluster_id=here)
        with pytest.raises(TopicError, match=f"came from {target} of this cluster: every click would be there twice"):
            replay_records(records, head, bootstrap_servers=broker, topic=target, cluster_id=there)
    assert read_topic(broker, target) == []
    head = make_head(topic=target, partitions=2, cluster_id="a")
    for force, cluster in ((True, "a"), (False, "b")):
        replay_records(records, head, bootstrap_servers=broker, topic=target, cluster_id=cluster, force=force)
    assert len(read_topic(broker, target)) == 2


@pytest.mark.broker
def test_a_topic_is_copied_into_another(broker: str, target: str, unique_name: Callable[[str], str]) -> None:
    """From topic to topic without a file; onto itself it is refused."""
    source = create_topic(broker, unique_name("from"))
    sent = make_records(20)
    send_records(broker, source, sent)
    place = ("--from-topic", source, "--bootstrap-servers", broker)
    code, said = invoke(*place, "--topic", target, "--since", "2024-05-01T00:00:10")
    assert code == 0, said
    assert "10 records sent to" in said
    assert "0: 5, 1: 5" in said
    read = read_topic(broker, target)
    for partition in range(2):
        assert [one.value for one in read if one.partition == partition] == [
            one.value for one in sent[10:] if one.partition == partition
        ]
    code, said = invoke(*place, "--topic", source)
    assert code == 1
    assert "every click would be there twice" in said


@pytest.mark.broker
def test_a_damaged_recording_is_refused_before_anything_is_sent(broker: str, target: str, tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    write_recording(path, make_records(100), HEAD)
    path.write_bytes(path.read_bytes()[:-400])
    code, said = invoke(str(path), "--topic", target, "--bootstrap-servers", broker)
    assert code == 1
    assert "is cut short: it ends after record 99" in said
    assert read_topic(broker, target) == []


@pytest.mark.broker
def test_the_original_pace_times_a_factor(broker: str, target: str) -> None:
    """31 records over 30 s at 100 times that: 0.3 s; at 50 a second: 0.6 s."""
    records = [make_recorded(0, n, timestamp_ms=MAY_2024_MS + 1_000 * n) for n in range(31)]
    for tempo, seconds in ((Tempo(speed=100), 0.3), (Tempo(per_second=50), 0.6)):
        report = replay_records(records, HEAD, bootstrap_servers=broker, topic=target, cluster_id="there", tempo=tempo)
        assert report.acknowledged == 31
        assert seconds <= report.elapsed_s < seconds + 2


def due(tempo: Tempo, records: list[RecordedRecord]) -> list[float | None]:
    """Return when each record is due."""
    schedule = _Due(tempo)
    return [schedule.of(record) for record in records]


def test_a_late_record_is_due_with_the_one_before_it() -> None:
    records = [make_recorded(timestamp_ms=MAY_2024_MS + at) for at in (0, 2_000, 1_000, 4_000)]
    assert due(Tempo(speed=2), records) == [0, 1, 1, 2]
    assert due(Tempo(per_second=4), records) == [0, 0.25, 0.5, 0.75]
    assert due(Tempo(), records) == [None] * 4


def test_what_a_record_can_keep() -> None:
    assert parse_kept("keys, timestamps") == Kept(partitions=False, headers=False, timestamps=True)
    with pytest.raises(DataError, match="a record can keep keys, partitions, headers, timestamps, or nothing"):
        parse_kept("keys,offsets")


def test_a_recording_is_not_replayed_by_default(tmp_path: Path) -> None:
    """Where to must be said; a log takes no offsets; speed and rate exclude each other."""
    write_recording(tmp_path / "r.parquet", make_records(), HEAD)
    (tmp_path / "log.csv").write_text("user_id,item_id,timestamp_ms\nann,a,1700000000000\n", encoding="utf-8")
    for arguments, said in (
        ([str(tmp_path / "r.parquet")], "Name the topic"),
        (["--from-topic", "clicks"], "Name the topic"),
        ([str(tmp_path / "log.csv"), "--offsets", "0:1-"], "A click log has no partitions"),
        ([str(tmp_path / "log.csv"), "--speed", "2", "--rate", "2"], "not both"),
        ([str(tmp_path / "log.csv"), "--from-topic", "clicks"], "one of them"),
    ):
        code, output = invoke(*arguments)
        assert code == 2
        assert said in output


@pytest.mark.broker
def test_a_topic_as_a_source_names_itself(broker: str, target: str) -> None:
    with topic_records(broker, target, Selection(), "here", None) as source:
        assert (source.head.topic, source.head.partitions, source.head.cluster_id) == (target, 2, "here")
        assert list(source.records) == []
