"""What recorded lists say of the clicks that they were made of."""

import json
from pathlib import Path

from models.counts.counts_fold import Snapshot
from nextclick.recording.files import open_recording
from nextclick.simulation.recorded_lists import NO_SNAPSHOT, RecordedLists
from tests.nextclick.recording.made import make_head, make_recorded, write_recording


def body(partition: int, offset: int, snapshot: int | None, topic: str = "clicks") -> bytes:
    """Make what of a list is read; snapshot 30 has bucket 3."""
    source = {"topic": topic, "partition": partition, "offset": offset, "timestamp_ms": 0}
    counts = {} if snapshot is None else {"counts": {"bucket": snapshot // 10, "offset": snapshot}}
    return json.dumps({"source": source, **counts}).encode()


def recorded(path: Path, bodies: list[bytes]) -> RecordedLists:
    """Record lists in one partition."""
    records = [
        make_recorded(0, offset, offset - 1 if offset else None, value=value) for offset, value in enumerate(bodies)
    ]
    write_recording(path, records, make_head(topic="lists"))
    return RecordedLists(open_recording(path), "clicks")


def test_a_click_has_the_snapshot_of_its_list_or_of_the_one_before(tmp_path: Path) -> None:
    """Behind the last list, and where a partition has none, it is the newest of all; it never goes back."""
    lists = recorded(
        tmp_path / "lists.jsonl",
        [body(0, 3, None), body(0, 5, 30), body(0, 9, 20), body(0, 7, 40), body(1, 0, 50), body(0, 1, 70, "others")],
    )
    assert [lists.snapshot_offset(0, offset) for offset in (0, 3, 4, 5, 6, 7, 8, 9, 10)] == (
        [NO_SNAPSHOT, NO_SNAPSHOT, NO_SNAPSHOT, 30, 30, 40, 40, 40, 50]
    )
    assert (lists.snapshot_offset(1, 0), lists.snapshot_offset(2, 0)) == (50, 50)
    assert lists.snapshot(30) == Snapshot(3, 30)
    assert (lists.lists, list(lists.partitions)) == (5, [0, 1])


def test_the_first_list_of_a_click_is_the_one_that_is_compared(tmp_path: Path) -> None:
    """Wherever the second one comes; what was not recorded is counted by itself."""
    bodies = [body(0, 0, 10), body(0, 1, 10), body(0, 0, 20), body(0, 1, 30)]
    lists = recorded(tmp_path / "lists.jsonl", bodies)
    assert (lists.lists, lists.again, lists.snapshot_offset(0, 1)) == (2, 2, 10)
    lists.compare([bodies[0], bodies[3], body(0, 2, 10), body(3, 0, None)])
    assert (lists.same, lists.other, lists.unrecorded) == (1, 1, 2)
