"""Records of the four topics, made by hand."""

from typing import Any

import msgspec
from kafka.consumer.fetcher import ConsumerRecord

from nextclick.published_lists import ClickSource, PublishedList
from workers.messages import HEADER_PREFIX
from workers.user_state import UserState, encode_state

CLICKED_MS = 1_000_000


def record(offset: int, *, value: bytes | None, partition: int = 0, **others: Any) -> ConsumerRecord:  # noqa: ANN401
    """A record as kafka-python hands it out."""
    fields = dict.fromkeys(ConsumerRecord._fields)
    key = others.get("key", b"ann")
    given = {"topic": "t", "partition": partition, "offset": offset, "value": value, "key": key, "headers": []}
    return ConsumerRecord(**(fields | given | others))


def click(offset: int, *, at_ms: int = CLICKED_MS, partition: int = 0) -> ConsumerRecord:
    """A record of the click topic."""
    return record(offset, value=b"{}", partition=partition, timestamp=at_ms)


def list_of(
    offset: int, *items: str, user: str = "ann", partition: int = 0, event_id: str | None = None
) -> ConsumerRecord:
    """The list of the click at an offset."""
    scores = tuple(float(-place) for place in range(len(items)))
    source = ClickSource("clicks", partition, offset, CLICKED_MS)
    published = PublishedList(1, user, items, scores, "model", "personal", source, event_id)
    return record(offset, value=msgspec.json.encode(published), key=user.encode(), timestamp=CLICKED_MS + 5)


def letter(offset: int, *, partition: int = 0, reason: str = "not_json") -> ConsumerRecord:
    """The dead letter of the record at an offset."""
    headers = {
        "reason": reason,
        "detail": "",
        "source.topic": "clicks",
        "source.partition": str(partition),
        "source.offset": str(offset),
    }
    named = [(HEADER_PREFIX + name, text.encode()) for name, text in headers.items()]
    return record(0, value=b"poison", timestamp=CLICKED_MS, headers=named)


def state(last_offset: int, clicks: int, *, user: str = "ann") -> ConsumerRecord:
    """A state record of the changelog."""
    encoded = encode_state(UserState(0, last_offset, CLICKED_MS, clicks, 0, clicks, b"", ()))
    return record(0, value=encoded, key=user.encode(), timestamp=CLICKED_MS)
