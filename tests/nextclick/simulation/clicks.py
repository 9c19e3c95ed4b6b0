"""Recorded clicks for simulations."""

from random import Random

from nextclick.recording.records import RecordedRecord
from tests.click_records import click_value
from tests.click_tables import MAY_2024_MS
from tests.nextclick.recording.made import make_recorded

USERS = [f"user-{number}" for number in range(40)]


def recorded_clicks(count: int = 600, partitions: int = 4, seed: int = 11) -> list[RecordedRecord]:
    """Make clicks of forty users: sessions, late clicks, unknown items, no consent, and records that are no clicks."""
    random = Random(seed)
    newest: dict[int, int] = {}
    records = []
    for number in range(count):
        user = random.choice(USERS)
        partition = int(user.removeprefix("user-")) % partitions
        at_ms = MAY_2024_MS + 5_000 * number
        fields = {"session_id": random.choice(["s1", "s2"])} if random.random() < 0.5 else {}
        value: bytes | None = click_value(
            user,
            random.choice([f"item-{item:02}" for item in range(0, 30, 2)] + ["unknown"]),
            at_ms + random.choice([0, 0, -600_000, 7_200_000]),
            event_id=f"event-{number}",
            **fields,
            **({"consent": False} if random.random() < 0.05 else {}),
        )
        if random.random() < 0.03:
            value = random.choice([None, b"\xff", b"{}", b"[]"])
        offset = newest.get(partition, -1) + 1
        records.append(
            make_recorded(partition, offset, newest.get(partition), timestamp_ms=at_ms, key=user.encode(), value=value)
        )
        newest[partition] = offset
    return records
