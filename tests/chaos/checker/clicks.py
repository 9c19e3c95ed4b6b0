"""What a click record says, and whether it is a click at all: the documented rules, read once more."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.chaos.checker.records import TopicRecord

LONGEST_ID_BYTES = 512
# An event time before March 1973 is a count of seconds.
EARLIEST_TIMESTAMP_MS = 100_000_000_000


@dataclass(frozen=True)
class Click:
    """A valid click."""

    record: TopicRecord
    user_id: str
    item_id: str
    timestamp_ms: int
    session_id: str | None
    event_type: str | None
    event_id: str | None
    consent: bool


# Where a click stands: partition and offset of the click topic.
Place = tuple[int, int]


def decode_clicks(records: Iterable[TopicRecord]) -> tuple[dict[Place, Click], dict[Place, TopicRecord]]:
    """Return the valid clicks and the other records, by place."""
    clicks: dict[Place, Click] = {}
    others: dict[Place, TopicRecord] = {}
    for record in records:
        place = (record.partition, record.offset)
        click = decode_click(record)
        if click is None:
            others[place] = record
        else:
            clicks[place] = click
    return clicks, others


def decode_click(record: TopicRecord) -> Click | None:
    """Return the record's click, or None where a worker has to set it aside."""
    try:
        fields = json.loads((record.value or b"").decode())
    except ValueError:
        return None
    if not isinstance(fields, dict) or not _has_good_fields(fields):
        return None
    if record.key != fields["user_id"].encode():
        return None
    return Click(
        record,
        user_id=fields["user_id"],
        item_id=fields["item_id"],
        timestamp_ms=fields["timestamp_ms"],
        session_id=fields.get("session_id"),
        event_type=fields.get("event_type"),
        event_id=fields.get("event_id"),
        consent=fields.get("consent") is not False,
    )


def _has_good_fields(fields: dict[str, Any]) -> bool:
    timestamp_ms = fields.get("timestamp_ms")
    if type(timestamp_ms) is not int or timestamp_ms < EARLIEST_TIMESTAMP_MS:
        return False
    required = all(isinstance(fields.get(name), str) and fields[name] for name in ("user_id", "item_id"))
    optional = all(
        isinstance(fields.get(name), str | None) for name in ("session_id", "event_type", "event_id")
    ) and isinstance(fields.get("consent"), bool | None)
    ids = [value for value in fields.values() if isinstance(value, str)]
    return required and optional and all(len(value.encode()) <= LONGEST_ID_BYTES for value in ids)
