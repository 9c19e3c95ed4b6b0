"""Records of the click topic for tests, with keyword defaults: name what a test is about, leave out the rest."""

import json

from models.sequences.vocabulary import ItemId, UserId
from tests.click_tables import MAY_2024_MS
from workers.events import ClickEvent, ClickRecord, Headers


def click_value(
    user_id: object = "ann", item_id: object = "item-04", timestamp_ms: object = MAY_2024_MS, **more_fields: object
) -> bytes:
    """Write a click as a producer does."""
    fields = {"user_id": user_id, "item_id": item_id, "timestamp_ms": timestamp_ms, **more_fields}
    return json.dumps(fields, separators=(",", ":")).encode()


def make_record(
    value: bytes | None = click_value(),
    *,
    key: bytes | None = b"ann",
    partition: int = 0,
    offset: int = 0,
    timestamp_ms: int = MAY_2024_MS,
    headers: Headers = (),
) -> ClickRecord:
    """Make a record as Kafka gives it."""
    return ClickRecord("clicks", partition, offset, timestamp_ms, key, value, headers)


def make_click(
    user_id: str = "ann",
    item_id: str = "item-04",
    at_ms: int = 0,
    *,
    offset: int = 0,
    partition: int = 0,
    session_id: str | None = None,
    event_type: str | None = None,
    event_id: str | None = None,
    value: float | None = None,
    consent: bool = True,
) -> ClickEvent:
    """Make a valid click, `at_ms` milliseconds into May 2024, and the record it came from."""
    timestamp_ms = MAY_2024_MS + at_ms
    optional = {"session_id": session_id, "event_type": event_type, "event_id": event_id, "value": value}
    given = {name: field for name, field in optional.items() if field is not None}
    encoded = click_value(user_id, item_id, timestamp_ms, **given, **({} if consent else {"consent": False}))
    return ClickEvent(
        record=make_record(encoded, key=user_id.encode(), partition=partition, offset=offset),
        user_id=UserId(user_id),
        item_id=ItemId(item_id),
        timestamp_ms=timestamp_ms,
        event_id=event_id,
        session_id=session_id,
        event_type=event_type,
        value=value,
        consent=consent,
    )
